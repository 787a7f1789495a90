/** The input lines of OpenAI's batches: read, and checked as a batch is validated. */
import { asArray, asObject, asString, isObject } from '../../core/json.ts';
import { parseLine, splitLines } from '../../wire/jsonl.ts';
import { tokensOf } from '../brain.ts';
import type { Checked, JobItem, JobProblem, ObjectStore } from './contract.ts';

export interface InputRules {
  readonly endpoint: string;
  readonly azure: boolean;
}

const mostProblems = 100;
const mostInputs = 50_000;
const mostLines = (azure: boolean): number => (azure ? 100_000 : 50_000);

export async function* readItems(objects: ObjectStore, key: string): AsyncGenerator<readonly JobItem[]> {
  for await (const lines of splitLines(objects.read(key))) {
    const items: JobItem[] = [];
    for (const line of lines) {
      const parsed = asObject(parseLine(line));
      items.push({ id: asString(parsed['custom_id']) ?? '', body: asObject(parsed['body']) });
    }
    yield items;
  }
}

/** The model of the first line, which faults and limits go by before the rest is read. */
export async function firstModel(objects: ObjectStore, key: string): Promise<string> {
  for await (const [first] of splitLines(objects.read(key))) {
    const parsed = first === undefined ? undefined : parseLine(first);
    return asString(asObject(asObject(parsed)['body'])['model']) ?? '';
  }
  return '';
}

export async function checkLines(objects: ObjectStore, key: string, rules: InputRules): Promise<Checked> {
  const problems: JobProblem[] = [];
  if (await hasBom(objects, key)) return { ok: false, problems: [bomProblem(rules.azure)] };
  const ids = new Set<string>();
  let model: string | undefined;
  let items = 0;
  let inputs = 0;
  let inputTokens = 0;
  for await (const lines of splitLines(objects.read(key))) {
    for (const line of lines) {
      items += 1;
      const parsed = parseLine(line);
      const seen = isObject(parsed) ? parsed : undefined;
      const body = asObject(seen?.['body']);
      model ??= asString(body['model']);
      const problem =
        problemOf(seen, body, rules, model) ?? (ids.has(idOf(seen)) ? duplicate(idOf(seen)) : undefined);
      ids.add(idOf(seen));
      if (problem !== undefined && problems.length < mostProblems)
        problems.push({ ...problem, line: line.number });
      inputs += Array.isArray(body['input']) ? asArray(body['input']).length : 1;
      inputTokens += tokensOf(JSON.stringify(body['messages'] ?? body['input'] ?? '').length);
    }
    if (items > mostLines(rules.azure)) break;
  }
  if (items === 0) problems.push({ code: 'empty_file', message: 'The input file is empty.' });
  if (items > mostLines(rules.azure) || (rules.endpoint.endsWith('/embeddings') && inputs > mostInputs))
    problems.push({
      code: 'too_many_tasks',
      message: `The batch input file contains too many requests. The maximum is ${mostLines(rules.azure)}.`,
    });
  return problems.length > 0 ? { ok: false, problems } : { ok: true, items, inputTokens };
}

const idOf = (seen: Readonly<Record<string, unknown>> | undefined): string =>
  asString(seen?.['custom_id']) ?? '';

const duplicate = (id: string): JobProblem => ({
  code: 'duplicate_custom_id',
  message: `The custom_id '${id}' for this request is a duplicate of another request. The custom_id parameter must be unique for each request in a batch.`,
});

function problemOf(
  seen: Readonly<Record<string, unknown>> | undefined,
  body: Readonly<Record<string, unknown>>,
  { endpoint, azure }: InputRules,
  model: string | undefined,
): JobProblem | undefined {
  if (seen === undefined)
    return { code: 'invalid_json_line', message: 'This line is not parseable as valid JSON.' };
  if (idOf(seen) === '')
    return { code: 'missing_required_parameter', message: "Missing required parameter: 'custom_id'." };
  if (seen['method'] !== 'POST')
    return { code: 'invalid_method', message: `Invalid value for 'method': must be POST.` };
  if (seen['url'] !== endpoint)
    return {
      code: azure ? 'url_mismatch' : 'invalid_url',
      message: `The URL provided for this request does not match the batch endpoint '${endpoint}'.`,
    };
  if (!isObject(seen['body']))
    return { code: 'missing_required_parameter', message: "Missing required parameter: 'body'." };
  if (body['stream'] === true)
    return { code: 'invalid_request', message: 'Streaming is not supported in the Batch API.' };
  if (asString(body['model']) === undefined)
    return { code: 'model_not_found', message: 'The model of this request is missing.' };
  if (body['model'] !== model)
    return {
      code: azure ? 'model_mismatch' : 'mismatched_model',
      message: `The provided model '${body['model']}' does not match the other requests of this batch, which use '${model}'.`,
    };
  return undefined;
}

async function hasBom(objects: ObjectStore, key: string): Promise<boolean> {
  for await (const head of objects.read(key, { end: 3 })) return head.toString('hex') === 'efbbbf';
  return false;
}

const bomProblem = (azure: boolean): JobProblem =>
  azure
    ? {
        code: 'invalid_request',
        message:
          "Validation failed: A valid model deployment name couldn't be extracted from the 'model' field in the batch request.",
      }
    : { code: 'invalid_json_line', message: 'This line is not parseable as valid JSON.', line: 1 };
