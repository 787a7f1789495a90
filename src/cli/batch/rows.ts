/** Rows of an input file, one by one, with the line that each begins at. A row that cannot be read is given as what is wrong with it. */
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { isObject } from '../../core/json.ts';
import { ConfigError } from '../config-error.ts';
import type { Row } from './template.ts';

export type RowRead =
  | { readonly line: number; readonly row: Row; readonly text?: string }
  | { readonly line: number; readonly problem: string };

/** A request of a batch is no longer anywhere. */
const mostLineBytes = 32_000_000;

export function readRows(file: string): AsyncIterable<RowRead> {
  return /\.(?:csv|tsv)$/i.test(file) ? readCsv(file) : readJsonl(file);
}

async function* readJsonl(file: string): AsyncIterable<RowRead> {
  let line = 0;
  for await (const bytes of splitLines(createReadStream(file))) {
    line += 1;
    if (bytes === 'too-long') {
      yield { line, problem: `it is over ${mostLineBytes} bytes long` };
      continue;
    }
    const text = bytes
      .toString('utf8')
      .replace(/^\ufeff/, '')
      .trim();
    if (text === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      yield { line, problem: 'it is not JSON' };
      continue;
    }
    yield isObject(value) ? { line, row: value, text } : { line, problem: 'it is not a JSON object' };
  }
}

/** By line feeds alone: other marks that break lines may stand in JSON as they are. */
async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer | 'too-long'> {
  let kept: Buffer[] = [];
  let bytes = 0;
  const take = (rest: Buffer): Buffer | 'too-long' => {
    const line = bytes + rest.length > mostLineBytes ? 'too-long' : Buffer.concat([...kept, rest]);
    kept = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, from)) {
      yield take(chunk.subarray(from, end));
      from = end + 1;
    }
    bytes += chunk.length - from;
    if (bytes <= mostLineBytes) kept.push(chunk.subarray(from));
    else kept = [];
  }
  if (bytes > 0) yield take(Buffer.alloc(0));
}

/** `info`: how many lines were read when the row had ended. */
interface CsvRow {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

async function* readCsv(file: string): AsyncIterable<RowRead> {
  const parser = parse({
    bom: true,
    info: true,
    skip_empty_lines: true,
    // Ragged rows are told by us, with their line.
    relax_column_count: true,
    max_record_size: mostLineBytes,
    delimiter: /\.tsv$/i.test(file) ? '\t' : ',',
  });
  // An error of the file ends the parser, which is read below and throws it.
  pipeline(createReadStream(file), parser, () => undefined);
  let header: readonly string[] | undefined;
  let line = 0;
  try {
    for await (const one of parser) {
      const { record, info } = one as CsvRow; // What `info: true` makes of a row, which the types do not say.
      line = info.lines;
      // It began earlier by the line ends that its cells hold.
      const begins = line - record.join('').split(/\r\n|\r|\n/).length + 1;
      if (header === undefined) header = checkHeader(record, file);
      else if (record.length !== header.length)
        yield { line: begins, problem: `it has ${record.length} cells, the header has ${header.length}` };
      else yield { line: begins, row: Object.fromEntries(header.map((name, at) => [name, record[at]])) };
    }
  } catch (thrown) {
    if (!(thrown instanceof CsvError)) throw thrown;
    throw new ConfigError(
      `${file}, after line ${line}: ${thrown.message} Nothing was sent. Mend the file and try again.`,
    );
  }
  if (header === undefined) throw new ConfigError(`${file} is empty. Its first line must name the columns.`);
}

function checkHeader(names: readonly string[], file: string): readonly string[] {
  const trimmed = names.map((name) => name.trim());
  const twice = trimmed.find((name, at) => name === '' || trimmed.indexOf(name) !== at);
  if (twice === undefined) return trimmed;
  const what = twice === '' ? 'a column without a name' : `the column "${twice}" twice`;
  throw new ConfigError(`The header of ${file} has ${what}. Give each column a name of its own.`);
}
