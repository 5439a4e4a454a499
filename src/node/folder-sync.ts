// Makes names durable. A file's bytes are safe after its own fsync, its name only after one of the folder; puts that
// finish together share that second fsync, which halves their cost under load.

import { open } from 'node:fs/promises'

interface Queue {
  running: Promise<void>
  waiting: Promise<void> | undefined
}

export class FolderSync {
  readonly #queues = new Map<string, Queue>()
  /** Folders whose last fsync failed: names in them may not be durable. */
  readonly #failed = new Set<string>()

  /** Resolves when an fsync of `folder` that began after this call has ended. */
  sync(folder: string): Promise<void> {
    let queue = this.#queues.get(folder)
    if (queue === undefined) {
      queue = { running: Promise.resolve(), waiting: undefined }
      this.#queues.set(folder, queue)
    }
    return (queue.waiting ??= this.#run(folder, queue))
  }

  /** Before names that are there are relied on: makes up for an fsync of `folder` that failed. */
  async settle(folder: string): Promise<void> {
    if (this.#failed.has(folder)) await this.sync(folder)
  }

  async #run(folder: string, queue: Queue): Promise<void> {
    // Whoever waits for the one that runs hears of its failure; this one starts afresh.
    await queue.running.catch(() => {})
    const work = syncFolder(folder)
    queue.running = work
    queue.waiting = undefined
    try {
      await work
      this.#failed.delete(folder)
    } catch (error) {
      this.#failed.add(folder)
      throw error
    } finally {
      if (queue.running === work && queue.waiting === undefined) this.#queues.delete(folder)
    }
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows has no fsync of folders; its file systems keep names in a journal.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
