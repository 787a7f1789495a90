/** A job's lines in a temporary file: uploads need their length, and memory must not hold them. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BatchLine } from '../../contract.ts';

export interface Spool {
  readonly path: string;
  remove(): Promise<void>;
}

/** What `lines` throw is thrown as it is, and nothing is left on disk. */
export async function spoolLines(
  lines: AsyncIterable<readonly BatchLine[]>,
  write: (line: BatchLine) => string,
): Promise<Spool> {
  const folder = await mkdtemp(join(tmpdir(), 'intermodal-upload-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const path = join(folder, 'lines.jsonl');
  try {
    await pipeline(
      Readable.from(toChunks(lines, write), { objectMode: true }),
      createWriteStream(path, { mode: 0o600 }),
    );
    return { path, remove };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}

const heldCharacters = 256 * 1024;

/** Few and large writes, whatever the size of a handful. */
async function* toChunks(
  lines: AsyncIterable<readonly BatchLine[]>,
  write: (line: BatchLine) => string,
): AsyncGenerator<string> {
  let parts: string[] = [];
  let held = 0;
  for await (const handful of lines) {
    for (const line of handful) {
      const text = write(line);
      parts.push(text);
      held += text.length;
      if (held < heldCharacters) continue;
      yield parts.join('');
      parts = [];
      held = 0;
    }
  }
  if (held > 0) yield parts.join('');
}
