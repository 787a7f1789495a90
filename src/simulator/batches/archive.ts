/** Invoice lines that memory has no room for, in a file of the simulator's folder. */
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { splitLines } from '../../wire/jsonl.ts';
import type { InvoiceLine, LineArchive } from '../invoice.ts';

export function createLineArchive(): LineArchive {
  let folder: string | undefined;
  let file: number | undefined;
  const path = (): string => {
    folder ??= mkdtempSync(join(tmpdir(), 'intermodal-invoice-'));
    return join(folder, 'lines');
  };
  return {
    // At once, so that no line is in neither place while somebody reads.
    add(lines) {
      file ??= openSync(path(), 'a');
      const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    },
    async *read() {
      if (file === undefined) return;
      for await (const lines of splitLines(createReadStream(path()))) {
        const handful: InvoiceLine[] = [];
        for (const { text } of lines) if (text !== undefined) handful.push(JSON.parse(text.toString('utf8')));
        yield handful;
      }
    },
    clear() {
      if (file !== undefined) closeSync(file);
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
      file = undefined;
      folder = undefined;
    },
  };
}
