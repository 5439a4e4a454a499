// The command line as a whole: global flags, one file per command, and the one place where errors become two lines of
// text and an exit code.

import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { parseDuration } from '../db/duration.ts'
import { onInterrupt } from '../node/process.ts'
import { addBench } from './bench.ts'
import { addDelete } from './delete.ts'
import { addDemo } from './demo.ts'
import { addDescribe } from './describe.ts'
import { addDoctor } from './doctor.ts'
import { Advised, EXIT, explain } from './exit-codes.ts'
import { addExport } from './export.ts'
import { addGet } from './get.ts'
import { addImport } from './import.ts'
import { inert, inertJson } from './inert.ts'
import { addPut } from './put.ts'
import { addScan } from './scan.ts'
import { type GlobalFlags, Shell, type Streams } from './shell.ts'

/** What a command's file gets: turns a body that takes a Shell first into a commander action. */
export type Action = <A extends unknown[]>(
  body: (shell: Shell, ...args: A) => Promise<number | undefined>,
) => (...args: A) => Promise<void>

const EXIT_HELP = `
Exit codes: 0 done, 1 unexpected error, 2 wrong usage or settings, 3 not found, 4 conflict, 5 closed or fenced by
another writer, 6 store unavailable, 7 stored data damaged, 8 doctor found a guarantee missing, 9 waited too long (for
room in L0, for example), 130 interrupted.

A location is a folder (./data/app), file:, memory: or an object store URL such as s3://bucket/app.`

/** Runs one command line (without `node` and the script) and resolves with the exit code. Never rejects. */
export async function runCommandLine(args: readonly string[], streams: Streams): Promise<number> {
  const interrupts = onInterrupt()
  let exitCode: number = EXIT.ok
  const program = createProgram(streams)
  const action: Action =
    (body) =>
    async (...parsed) => {
      const shell = new Shell(streams, program.opts<GlobalFlags>(), interrupts.signal)
      const gaveUp = shell.gaveUp.catch((error: unknown) => {
        throw shell.adviceWhenGivenUp === undefined ? error : new Advised(error, shell.adviceWhenGivenUp())
      })
      exitCode = (await Promise.race([body(shell, ...parsed), gaveUp])) ?? EXIT.ok
    }
  for (const add of [addGet, addPut, addDelete, addScan, addImport, addExport]) add(program, action)
  for (const add of [addDescribe, addDoctor, addBench, addDemo]) add(program, action)
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    return report(error, streams, program.opts<GlobalFlags>())
  } finally {
    interrupts.release()
  }
}

function createProgram(streams: Streams): Command {
  return (
    new Command('slatedb-ts')
      .description('SlateDB in TypeScript: an embedded LSM storage engine on object storage')
      .version(version(), '-V, --version', 'print the version')
      .option('-d, --db <location>', 'the database: a folder or a URL (default: $SLATEDB_LOCATION)')
      .option('-p, --path <root>', "the database's path in the store that CLOUD_PROVIDER and its variables name")
      .option('-e, --env <file>', 'read environment variables from a dotenv file (default: .env when there is one)')
      // The name that the original's tools have. Node takes a flag of this name for itself, also behind the script, and
      // some versions of it end with their own message when the file is missing.
      .addOption(new Option('--env-file <file>').hideHelp())
      .option('-s, --settings <file>', 'read settings from a .toml, .json or .yaml file')
      .option(
        '--timeout <duration>',
        'give up after waiting so long for a store that answers only errors, or for room (default: 30s)',
        milliseconds,
      )
      .option('--json', 'results as JSON, one document per line')
      .option('-q, --quiet', 'no progress and no notes on stderr')
      .option('--debug', 'show the stack of an error')
      .addHelpText('after', EXIT_HELP)
      .showHelpAfterError('(add --help for the flags of a command)')
      .exitOverride()
      .configureOutput({
        writeOut: (text) => void streams.stdout.write(text),
        writeErr: (text) => void streams.stderr.write(text),
      })
  )
}

function report(error: unknown, streams: Streams, flags: GlobalFlags): number {
  const explanation = explain(error)
  const { exitCode, kind, code, message, advice } = explanation
  if (flags.json === true) {
    streams.stderr.write(`${inertJson(JSON.stringify({ error: { kind, code, message, advice } }))}\n`)
  } else if (exitCode === EXIT.interrupted) {
    streams.stderr.write(`${message}${advice === undefined ? '' : `; ${advice}`}\n`)
  } else {
    streams.stderr.write(inert(`${kind} error: ${message}\n${advice === undefined ? '' : `${advice}\n`}`))
  }
  if (flags.debug === true && error instanceof Error) streams.stderr.write(inert(`${stackOf(error)}\n`))
  return exitCode
}

function stackOf(error: Error): string | undefined {
  return error instanceof Advised && error.cause instanceof Error ? error.cause.stack : error.stack
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function milliseconds(text: string): number {
  const ms = parseDuration(text)
  if (ms === undefined) throw new InvalidArgumentError('Expected a duration such as 10s or 1m.')
  return ms
}
