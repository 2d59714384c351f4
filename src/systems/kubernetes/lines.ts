const NEWLINE = 0x0a

/** Splits a stream of bytes into lines; a line may come in any number of pieces, cut anywhere, also inside a character. */
export function lineSplitter(onLine: (line: string) => void): (chunk: Buffer) => void {
  let pending: Buffer[] = []
  return (chunk) => {
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      pending.push(chunk.subarray(from, at))
      const line = pending.length === 1 ? chunk.toString('utf8', from, at) : Buffer.concat(pending).toString('utf8')
      pending = []
      from = at + 1
      if (line !== '') onLine(line)
    }
    if (from < chunk.length) pending.push(chunk.subarray(from))
  }
}
