// Every TypeScript block of README and docs, and of the documentation of the main class, is a program of its own: it
// compiles as strictly as the sources do, runs, and prints what its comments say.

import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import ts from 'typescript'
import { afterAll, expect, test } from 'vitest'
import { runCommandLine } from '../../src/cli/program.ts'
import { placeFor, REPOSITORY } from '../support/packed-app.ts'

const place = placeFor('docs')
afterAll(() => rmSync(place, { recursive: true, force: true }))

interface Block {
  readonly name: string
  readonly code: string
}

const blocks: Block[] = [
  'README.md',
  ...readdirSync(join(REPOSITORY, 'docs')).map((name) => `docs/${name}`),
  'src/api/slatedb.ts',
].flatMap(blocksOf)

function blocksOf(file: string): Block[] {
  const text = readFileSync(join(REPOSITORY, file), 'utf8')
  const isSource = file.endsWith('.ts')
  const plain = isSource ? text.replace(/^ *\* ?/gm, '') : text
  return [...plain.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, language]) => language !== 'sh')
    .map(([, language, code], i) => {
      expect(['ts', 'js'], `${file}: a block of ${language} that no test runs`).toContain(language)
      // The class documents itself without saying where it comes from.
      return {
        name: `${file}, block ${i + 1}`,
        code: isSource ? `import { SlateDB } from 'slatedb-ts'\n${code}` : code!,
      }
    })
}

/** What a block's comments promise of its output: `console.log(…) // this`. */
function promised(code: string): string[] {
  return [...code.matchAll(/console\.log\(.*\) \/\/ (.+)$/gm)].map(([, text]) => text!)
}

test('there are blocks, and they print what they say', () => {
  expect(blocks.map((block) => block.name)).toContain('README.md, block 1')
  expect(promised(blocks[0]!.code)).toEqual(["{ name: 'Ada' }", "user:1 { name: 'Ada' }"])
})

test('all blocks compile strictly', () => {
  const files = blocks.map((block, i) => {
    const file = join(place, `block-${i}.ts`)
    writeFileSync(file, block.code)
    return file
  })
  const { config } = ts.readConfigFile(join(REPOSITORY, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, REPOSITORY)
  const at = (file: string) => [join(REPOSITORY, 'src', file)]
  const program = ts.createProgram(files, {
    ...options,
    noEmit: true,
    declaration: false,
    noUnusedLocals: false,
    paths: {
      ...options.paths,
      'slatedb-ts': at('index.ts'),
      'slatedb-ts/testing': at('sim/index.ts'),
      'slatedb-ts/uniffi': at('uniffi/index.ts'),
      'slatedb-ts/stores/*': at('stores/*.ts'),
    },
  })
  const found = files.flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)))
  expect(
    found.map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`),
  ).toEqual([])
})

test.each(blocks)('$name runs', async ({ name, code }) => {
  const outfile = join(place, `${name.replace(/\W+/g, '-')}.mjs`)
  await build({
    // There is no bucket here.
    stdin: { contents: code.replaceAll("'s3://bucket/app'", "'memory:app'"), resolveDir: REPOSITORY, loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    alias: {
      'slatedb-ts': join(REPOSITORY, 'src/index.ts'),
      'slatedb-ts/testing': join(REPOSITORY, 'src/sim/index.ts'),
      '#native': join(REPOSITORY, 'src/node/native.ts'),
      '#host': join(REPOSITORY, 'src/node/host.ts'),
    },
    logLevel: 'silent',
  })
  const { stdout } = await promisify(execFile)(process.execPath, [outfile], { cwd: place, timeout: 60_000 })
  for (const text of promised(code)) expect(stdout.split('\n')).toContain(text)
})

/** Commands of the README, with what makes them short and possible here: no bucket, a small bench, a file to import. */
const commands = [
  ...readFileSync(join(REPOSITORY, 'README.md'), 'utf8').matchAll(/^npx slatedb-ts (.*?)(?: +#.*)?$/gm),
].map(([, line]) => line!)

test('the commands of the README work, one after the other', async () => {
  expect(commands.length).toBeGreaterThan(4)
  writeFileSync(join(place, 'people.csv'), 'id,country,name\n1,FR,Ada\n')
  const home = process.cwd()
  process.chdir(place)
  try {
    for (const command of commands) {
      const line = command
        .replace('s3://bucket/app', './data/bucket')
        .replace(/^bench$/, 'bench --rows 1000 --seconds 1')
      const output: string[] = []
      const sink = new Writable({
        write(chunk, _encoding, done) {
          output.push(String(chunk))
          done()
        },
      })
      const streams = { stdin: process.stdin, stdout: sink, stderr: sink, env: { HOME: place } }
      expect(await runCommandLine(line.split(/\s+/), streams), `${line}: ${output.join('')}`).toBe(0)
    }
  } finally {
    process.chdir(home)
  }
})
