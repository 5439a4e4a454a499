// Work on many items, a bounded number of them at once.

/** Keys of one call that are fetched side by side: more would open a socket, or a file, for each. */
const AT_ONCE = 64

/** What `work` answers for each item, in their order. After the first failure nothing new begins. */
export async function eachOfMany<T, R>(items: readonly T[], work: (item: T) => R | Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length)
  let next = 0
  let hasFailed = false
  const worker = async () => {
    while (next < items.length && !hasFailed) {
      const i = next++
      try {
        const result = work(items[i]!)
        results[i] = result instanceof Promise ? await result : result
      } catch (error) {
        hasFailed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker))
  return results
}
