#!/usr/bin/env node
// The executable: gives the real streams and the environment to the command line and ends with its exit code.

import { EXIT } from './exit-codes.ts'
import { runCommandLine } from './program.ts'

// A reader that closes the pipe (`slatedb-ts scan | head`) is no error: there is nothing left to print for. Results are
// printed when the work is done, so nothing is cut short by this.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
  process.stderr.write(`Invalid error: standard output cannot be written (${error.code ?? error.message})\n`)
  process.exit(EXIT.usage)
})
// Notes and progress that nothing reads any more must not end a command that is doing its work.
process.stderr.on('error', () => {})

const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr, env: process.env }
runCommandLine(process.argv.slice(2), streams).then(async (exitCode) => {
  // A command that gave up may leave retries behind that would keep the process alive. What was printed goes out first.
  for (const stream of [process.stdout, process.stderr]) await new Promise((resolve) => stream.write('', resolve))
  process.exit(exitCode)
})
