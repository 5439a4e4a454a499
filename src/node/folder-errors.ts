// What the operating system says, as the store errors of the engine, with what to do about it.

import { isSlateDBError, storeError } from '../errors.ts'

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException | undefined)?.code

/** The error to throw for `path` after `doing` it failed with a system error; others pass through. */
export function folderError(error: unknown, path: string, doing: string): unknown {
  const code = codeOf(error)
  if (code === undefined || isSlateDBError(error)) return error
  const because = { cause: error }
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return storeError('NotFound', path, 'it does not exist', because)
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return storeError(
        'PermissionDenied',
        path,
        `not allowed to ${doing} (${code}); check owner and mode of the folder, and that it is not mounted read-only`,
        because,
      )
    case 'ENOSPC':
    case 'EDQUOT':
      return storeError(
        'Generic',
        path,
        `cannot ${doing}: the disk or quota is full (${code}); free some space`,
        because,
      )
    case 'EMFILE':
    case 'ENFILE':
      return storeError('Generic', path, `cannot ${doing}: too many open files (${code}); raise the limit`, because)
    case 'ENAMETOOLONG':
      return storeError('InvalidPath', path, 'a segment is longer than the file system allows', because)
    case 'EISDIR':
      return storeError('InvalidPath', path, 'a folder of that name is in the way', because)
    case 'ELOOP':
      return linkError(path)
    case 'ENOTSUP':
    case 'EOPNOTSUPP':
    case 'EXDEV':
      return storeError(
        'NotSupported',
        path,
        `cannot ${doing} (${code}): the file system lacks hard links; use a local disk`,
        because,
      )
    default:
      return storeError('Generic', path, `cannot ${doing} (${code})`, because)
  }
}

export const linkError = (path: string): Error =>
  storeError('InvalidPath', path, 'a symbolic link is in the way; links below the root of the store are not followed')

export const underObjectError = (path: string): Error =>
  storeError('InvalidPath', path, 'a file has the name of one of its folders, so nothing can lie below it')
