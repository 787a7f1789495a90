/**
 * Lines of a batch, out of a user's file. Rows that are requests already (`custom_id` and `body`) pass byte for byte; others fill a template.
 * Read twice, first to see what is wrong and then to send, so that a file of any size takes no memory.
 */
import { asString, isObject } from '../../core/json.ts';
import { ConfigError } from '../config-error.ts';
import { readRows } from './rows.ts';
import { missingColumn, type Row, RowError, type Template } from './template.ts';

export interface InputOptions {
  readonly file: string;
  readonly template?: Template;
  /** For requests that name none. */
  readonly model?: string;
  /** Where `custom_id` stands in rows that are no requests; absent: `custom_id`, or the line's number. */
  readonly idColumn?: string;
  /** For requests that do not say where they go. */
  readonly endpoint?: string;
}

export type Line =
  | { readonly line: number; readonly text: string; readonly endpoint: string }
  | { readonly line: number; readonly problem: string };

const endpoints = new Map([
  ['messages', '/v1/chat/completions'],
  ['input', '/v1/embeddings'],
]);

export async function* readLines(options: InputOptions): AsyncIterable<Line> {
  for await (const read of readRows(options.file)) {
    const { line } = read;
    if ('problem' in read) {
      yield read;
      continue;
    }
    try {
      yield { line, ...request(read.row, read.text, line, options) };
    } catch (thrown) {
      if (!(thrown instanceof RowError)) throw thrown;
      yield { line, problem: thrown.message };
    }
  }
}

interface Request {
  readonly text: string;
  readonly endpoint: string;
}

function request(row: Row, text: string | undefined, line: number, options: InputOptions): Request {
  if (isObject(row['body'])) return finish(row, text, line, options);
  if (options.template === undefined)
    throw new RowError('it is no request: it has no "body". Give a --template for rows of data');
  const filled = options.template.fill(row);
  if (!isObject(filled)) throw new RowError('the template is not a JSON object');
  const whole = isObject(filled['body']) ? filled : { body: filled };
  return finish({ custom_id: idOf(row, line, options), ...whole }, undefined, line, options);
}

/** `text`: as it stood in the file, which is kept if nothing has to be added. */
function finish(row: Row, text: string | undefined, line: number, options: InputOptions): Request {
  const { custom_id, url, ...rest } = row;
  const body = isObject(row['body']) ? row['body'] : {};
  if (custom_id !== undefined && (typeof custom_id !== 'string' || custom_id === ''))
    throw new RowError('its custom_id is not a text');
  const endpoint = asString(url) ?? options.endpoint ?? endpointOf(body);
  const hasModel = body['model'] !== undefined || options.model === undefined;
  if (!hasModel || custom_id === undefined || url === undefined || text === undefined) {
    const model = hasModel ? {} : { model: options.model };
    const id = custom_id ?? idOf(row, line, options);
    const whole = { ...rest, custom_id: id, method: 'POST', url: endpoint, body: { ...model, ...body } };
    if (whole.body['model'] === undefined)
      throw new RowError('its body names no model. Give one with --model');
    return { text: JSON.stringify(whole), endpoint };
  }
  if (body['model'] === undefined) throw new RowError('its body names no model. Give one with --model');
  return { text, endpoint };
}

function endpointOf(body: Readonly<Record<string, unknown>>): string {
  for (const [field, endpoint] of endpoints) if (body[field] !== undefined) return endpoint;
  throw new RowError('it does not say where it goes. Give --endpoint, such as /v1/chat/completions');
}

function idOf(row: Row, line: number, { idColumn }: InputOptions): string {
  const column = idColumn ?? 'custom_id';
  if (idColumn !== undefined && !Object.hasOwn(row, column))
    throw new RowError(missingColumn(column, Object.keys(row)));
  const value = row[column];
  if (value === undefined) return `row-${line}`;
  const text = typeof value === 'number' ? `${value}` : value;
  if (typeof text !== 'string' || text.trim() === '')
    throw new RowError(`its "${column}" is empty, or no text`);
  return text;
}

export interface Surveyed {
  readonly good: number;
  readonly bad: number;
  readonly endpoint: string;
}

const mostTold = 20;

/** Reads all of it once. Throws, with the lines, if some are wrong; with `skipBad` only if all are. */
export async function survey(
  options: InputOptions,
  skipBad: boolean,
): Promise<Surveyed & { readonly problems: readonly string[] }> {
  const problems: string[] = [];
  const tell = (line: number, problem: string): void => {
    if (problems.length < mostTold) problems.push(`${options.file}, line ${line}: ${problem}.`);
  };
  let [good, bad] = [0, 0];
  let endpoint: string | undefined;
  for await (const read of readLines(options)) {
    if ('problem' in read) {
      bad += 1;
      tell(read.line, read.problem);
      continue;
    }
    endpoint ??= read.endpoint;
    if (read.endpoint !== endpoint)
      throw new ConfigError(
        `${options.file}, line ${read.line}: it goes to ${read.endpoint}, and those before go to ${endpoint}. Submit one file for each.`,
      );
    good += 1;
  }
  const told = [
    ...problems,
    ...(bad > problems.length ? [`… and ${bad - problems.length} more lines.`] : []),
  ];
  if (bad > 0 && !skipBad)
    throw new ConfigError(
      `${told.join('\n')}\n\nNothing was sent. Mend ${bad === 1 ? 'the line' : 'the lines'}, or leave them out with --skip-bad.`,
    );
  if (endpoint === undefined)
    throw new ConfigError(
      [...told, `${options.file} has no line that can be sent. Write one request on each line.`].join('\n'),
    );
  return { good, bad, endpoint, problems: told };
}

/** What is sent; lines that are wrong are passed over, as `survey` has told. */
export async function* linesToSend(options: InputOptions): AsyncIterable<string> {
  let kept = '';
  for await (const read of readLines(options)) {
    if ('problem' in read) continue;
    kept += `${read.text}\n`;
    // Some thousand lines at once cost the network as much as one.
    if (kept.length < 65_536) continue;
    yield kept;
    kept = '';
  }
  if (kept !== '') yield kept;
}
