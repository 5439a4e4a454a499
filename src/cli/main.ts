#!/usr/bin/env node
// The executable: gives the real streams and the environment to the command line and ends with its exit code.

import { runCommandLine } from './program.ts'

// A reader that closes the pipe (`slatedb-ts scan | head`) is no error: there is nobody left to print for.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

const exitCode = await runCommandLine(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
})

// A command that gave up may leave retries behind that would keep the process alive. What was printed goes out first.
for (const stream of [process.stdout, process.stderr]) await new Promise((resolve) => stream.write('', resolve))
process.exit(exitCode)
