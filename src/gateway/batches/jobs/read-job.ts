/**
 * The body of a job. It is read whole and written as lines: what holds for all items (`response_format`) may come after them, so no line
 * can be written before the end. Jobs are small by their nature (5,000 items are the usual advice), and the limit is that of a
 * single request.
 */
import type { Webhook } from '../../../batch/contract.ts';
import { GatewayError } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';
import { checkCustomId, kindOf, wrong } from '../read-line.ts';
import { readWebhook, refuseUnknown } from '../terms.ts';

export interface Job {
  /** One a line, line ends included. */
  readonly lines: readonly string[];
  readonly webhook?: Webhook;
}

/** Throws `invalid_request`. */
export function readJob(bytes: Buffer): Job {
  const fields = parse(bytes);
  refuseUnknown(Object.keys(fields), ['model', 'items', 'response_format', 'webhook']);
  const { model, items } = fields;
  if (model !== undefined && (typeof model !== 'string' || model === ''))
    throw wrong('model', `"model" must be a string that is not empty, but it is ${kindOf(model)}.`);
  if (!Array.isArray(items))
    throw wrong('items', `"items" must be an array of {"id", "content"}, but it is ${seen(items)}.`);
  if (items.length === 0) throw wrong('items', '"items" is empty; a job has at least one item.');
  const format = fields['response_format'];
  if (format !== undefined && format !== null && !isObject(format))
    throw wrong('response_format', `"response_format" must be an object, but it is ${kindOf(format)}.`);
  const ids = new Set<string>();
  const lines = items.map((item: unknown, index) => {
    const { id, content, task } = readItem(item, index, ids);
    const asked = task ?? model;
    if (asked === undefined)
      throw wrong('model', `"model" is missing, and items[${index}] has no "task" that names a route.`);
    const body = {
      model: asked,
      messages: [{ role: 'user', content }],
      ...(isObject(format) ? { response_format: format } : {}),
    };
    return `${JSON.stringify({ custom_id: id, body })}\n`;
  });
  const webhook = readWebhook(fields['webhook']);
  return webhook === undefined ? { lines } : { lines, webhook };
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new GatewayError('invalid_request', 'The body is not valid JSON in UTF-8.');
  }
  if (isObject(value)) return value;
  throw new GatewayError('invalid_request', `The body must be a JSON object, but it is ${kindOf(value)}.`);
}

interface JobItem {
  readonly id: string;
  /** A text, or parts as Chat Completions has them. */
  readonly content: unknown;
  /** The route, where it is not the job's model. */
  readonly task: string | undefined;
}

function readItem(item: unknown, index: number, ids: Set<string>): JobItem {
  const at = `items[${index}]`;
  if (!isObject(item)) throw wrong(at, `"${at}" must be an object, but it is ${kindOf(item)}.`);
  refuseUnknown(Object.keys(item), ['id', 'content', 'task'], `${at}.`);
  const { id, content, task } = item;
  if (typeof id !== 'string') throw wrong(`${at}.id`, `"${at}.id" must be a string, but it is ${seen(id)}.`);
  checkCustomId(id, `${at}.id`);
  if (ids.has(id)) throw wrong(`${at}.id`, `"${at}.id" is the id of an earlier item too.`);
  ids.add(id);
  if (typeof content !== 'string' && !Array.isArray(content))
    throw wrong(`${at}.content`, `"${at}.content" must be a string, but it is ${seen(content)}.`);
  if (task !== undefined && task !== null && (typeof task !== 'string' || task === ''))
    throw wrong(`${at}.task`, `"${at}.task" must be a string that names a route, but it is ${kindOf(task)}.`);
  return { id, content, task: typeof task === 'string' ? task : undefined };
}

function seen(value: unknown): string {
  return value === undefined ? 'missing' : kindOf(value);
}
