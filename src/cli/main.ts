#!/usr/bin/env node
// The executable: gives the real streams and the environment to the command line and ends with its exit code.

import { runCommandLine } from './program.ts'

// A reader that closes the pipe (`slatedb-ts scan | head`) is no error: there is nobody left to print for.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(0)
})

process.exitCode = await runCommandLine(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
})
