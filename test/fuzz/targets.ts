// Every target there is, in the order in which they run.

import type { Target } from './target.ts'
import { answerTargets } from './targets/answers.ts'
import { blockTargets } from './targets/blocks.ts'
import { cliTargets } from './targets/cli.ts'
import { codecTargets } from './targets/codecs.ts'
import { recordTargets } from './targets/records.ts'
import { settingsTargets } from './targets/settings.ts'
import { tableTargets } from './targets/tables.ts'
import { textTargets } from './targets/texts.ts'

export const targets: readonly Target[] = [
  ...tableTargets,
  ...blockTargets,
  ...recordTargets,
  ...codecTargets,
  ...textTargets,
  ...answerTargets,
  ...settingsTargets,
  ...cliTargets,
]
