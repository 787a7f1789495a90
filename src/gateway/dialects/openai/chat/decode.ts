/** A Chat Completions request in neutral form. Refuses what OpenAI would refuse, naming the field. */
import { asString, isObject } from '../../../../core/json.ts';
import { present } from '../../../../core/present.ts';
import type {
  ChatRequest,
  FunctionTool,
  OutputFormat,
  Reasoning,
  Tool,
  ToolChoice,
} from '../../../../core/request.ts';
import {
  type Fields,
  invalid,
  kindOf,
  oneOf,
  optionalBoolean,
  optionalNumber,
  optionalString,
  requireArray,
  requireObject,
  requireString,
} from '../read.ts';
import { decodeMessages } from './decode-messages.ts';

const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

/** Top-level fields that have a neutral form or that we answer ourselves; all others are extensions. */
const known = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop',
  'seed',
  'frequency_penalty',
  'presence_penalty',
  'logit_bias',
  'n',
  'logprobs',
  'top_logprobs',
  'response_format',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'functions',
  'function_call',
  'reasoning_effort',
  'verbosity',
  'service_tier',
  'prompt_cache_key',
  'user',
  'safety_identifier',
  'metadata',
]);

export function decodeChat(body: unknown): ChatRequest {
  const fields = requireObject(body, 'body');
  const { system, messages } = decodeMessages(fields['messages']);
  const tools = decodeTools(fields);
  const stream = optionalBoolean(fields, 'stream') ?? false;
  const top = optionalNumber(fields, 'top_logprobs', 0, 20, true);
  return {
    kind: 'chat',
    model: requireString(fields['model'], 'model'),
    system,
    messages,
    tools,
    stream,
    streamUsage: wantsUsage(fields),
    extensions: Object.fromEntries(
      Object.entries(fields).filter(([name, value]) => !known.has(name) && value !== null),
    ),
    ...(Array.isArray(fields['functions']) ? { notes: { legacyFunctions: true } } : {}),
    ...present({
      toolChoice: tools.length === 0 ? undefined : decodeToolChoice(fields),
      parallelTools: tools.length === 0 ? undefined : optionalBoolean(fields, 'parallel_tool_calls'),
      maxOutputTokens: readMaxTokens(fields),
      temperature: optionalNumber(fields, 'temperature', 0, 2),
      topP: optionalNumber(fields, 'top_p', 0, 1),
      topK: optionalNumber(fields, 'top_k', 0, 1_000_000, true),
      stop: decodeStop(fields['stop']),
      seed: optionalNumber(fields, 'seed', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, true),
      frequencyPenalty: optionalNumber(fields, 'frequency_penalty', -2, 2),
      presencePenalty: optionalNumber(fields, 'presence_penalty', -2, 2),
      logitBias: decodeNumbers(fields['logit_bias']),
      choices: optionalNumber(fields, 'n', 1, 128, true),
      logprobs: optionalBoolean(fields, 'logprobs') === true ? { top: top ?? 0 } : undefined,
      format: decodeFormat(fields['response_format']),
      reasoning: decodeReasoningEffort(fields),
      verbosity: oneOf(fields, 'verbosity', ['low', 'medium', 'high'] as const),
      serviceTier: optionalString(fields, 'service_tier'),
      cacheKey: optionalString(fields, 'prompt_cache_key'),
      endUser: optionalString(fields, 'safety_identifier') ?? optionalString(fields, 'user'),
      metadata: decodeMetadata(fields['metadata']),
    }),
  };
}

export function wantsUsage(fields: Fields): boolean {
  const options = fields['stream_options'];
  return isObject(options) && options['include_usage'] === true;
}

export function readMaxTokens(fields: Fields): number | undefined {
  return (
    optionalNumber(fields, 'max_completion_tokens', 1, Number.MAX_SAFE_INTEGER, true) ??
    optionalNumber(fields, 'max_tokens', 1, Number.MAX_SAFE_INTEGER, true)
  );
}

function decodeStop(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return [value];
  const list = requireArray(value, 'stop').map((one, position) => requireString(one, `stop[${position}]`));
  if (list.length > 4) throw invalid('stop', `expected at most 4 sequences, but got ${list.length}.`);
  return list.length === 0 ? undefined : list;
}

function decodeNumbers(value: unknown): Readonly<Record<string, number>> | undefined {
  if (value === undefined || value === null) return undefined;
  const numbers: Record<string, number> = {};
  for (const [key, number] of Object.entries(requireObject(value, 'logit_bias'))) {
    if (typeof number !== 'number')
      throw invalid(`logit_bias.${key}`, `expected a number, but got ${kindOf(number)}.`);
    numbers[key] = number;
  }
  return numbers;
}

function decodeMetadata(value: unknown): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  const entries = Object.entries(requireObject(value, 'metadata'));
  if (entries.length > 16) throw invalid('metadata', `expected at most 16 pairs, but got ${entries.length}.`);
  return Object.fromEntries(entries.map(([key, one]) => [key, requireString(one, `metadata.${key}`)]));
}

function decodeReasoningEffort(fields: Fields): Reasoning | undefined {
  const effort = oneOf(fields, 'reasoning_effort', efforts);
  if (effort === undefined) return undefined;
  return effort === 'none' ? { mode: 'off', effort } : { mode: 'on', effort };
}

function decodeFormat(value: unknown): OutputFormat | undefined {
  if (value === undefined || value === null) return undefined;
  const format = requireObject(value, 'response_format');
  switch (format['type']) {
    case 'text':
      return { kind: 'text' };
    case 'json_object':
      return { kind: 'json' };
    case 'json_schema': {
      const inner = requireObject(format['json_schema'], 'response_format.json_schema');
      return {
        kind: 'schema',
        schema: requireObject(inner['schema'] ?? {}, 'response_format.json_schema.schema'),
        ...present({
          name: optionalString(inner, 'name'),
          description: optionalString(inner, 'description'),
          strict: optionalBoolean(inner, 'strict'),
        }),
      };
    }
    default:
      throw invalid(
        'response_format.type',
        `"${String(format['type']).slice(0, 40)}" is not one of text, json_object, json_schema.`,
      );
  }
}

function decodeTools(fields: Fields): readonly Tool[] {
  const tools: Tool[] = [];
  const list = fields['tools'];
  if (list !== undefined && list !== null) {
    for (const [position, entry] of requireArray(list, 'tools').entries()) {
      tools.push(decodeTool(requireObject(entry, `tools[${position}]`), `tools[${position}]`));
    }
  }
  const legacy = fields['functions'];
  if (legacy !== undefined && legacy !== null) {
    for (const [position, entry] of requireArray(legacy, 'functions').entries()) {
      tools.push(decodeFunction(requireObject(entry, `functions[${position}]`), `functions[${position}]`));
    }
  }
  return tools;
}

function decodeTool(tool: Fields, param: string): Tool {
  switch (tool['type']) {
    case 'function':
      return decodeFunction(requireObject(tool['function'], `${param}.function`), `${param}.function`);
    case 'custom': {
      const custom = requireObject(tool['custom'], `${param}.custom`);
      const format = custom['format'];
      return {
        kind: 'custom',
        name: requireString(custom['name'], `${param}.custom.name`),
        ...present({ description: optionalString(custom, 'description') }),
        ...(format === undefined ? {} : { format }),
      };
    }
    default:
      if (asString(tool['type']) === undefined)
        throw invalid(`${param}.type`, `expected "function" or "custom", but got ${kindOf(tool['type'])}.`);
      return { kind: 'server', protocol: 'openai-chat', raw: tool };
  }
}

function decodeFunction(named: Fields, param: string): FunctionTool {
  const parameters = named['parameters'];
  return {
    kind: 'function',
    name: requireString(named['name'], `${param}.name`),
    ...(parameters === undefined || parameters === null
      ? {}
      : { parameters: requireObject(parameters, `${param}.parameters`) }),
    ...present({
      description: optionalString(named, 'description'),
      strict: optionalBoolean(named, 'strict'),
    }),
  };
}

function decodeToolChoice(fields: Fields): ToolChoice | undefined {
  const value = fields['tool_choice'] ?? fields['function_call'];
  if (value === undefined || value === null) return undefined;
  if (value === 'auto' || value === 'none' || value === 'required') return { kind: value };
  if (typeof value === 'string')
    throw invalid('tool_choice', `"${value.slice(0, 40)}" is not one of auto, none, required.`);
  const choice = requireObject(value, 'tool_choice');
  if (choice['type'] === 'allowed_tools') {
    const allowed = requireObject(choice['allowed_tools'], 'tool_choice.allowed_tools');
    const names = requireArray(allowed['tools'], 'tool_choice.allowed_tools.tools').flatMap((tool) => {
      const name =
        isObject(tool) && isObject(tool['function']) ? asString(tool['function']['name']) : undefined;
      return name === undefined ? [] : [name];
    });
    return { kind: 'subset', names, required: allowed['mode'] === 'required' };
  }
  const named = isObject(choice['function'])
    ? choice['function']
    : isObject(choice['custom'])
      ? choice['custom']
      : choice;
  return { kind: 'tool', name: requireString(named['name'], 'tool_choice.function.name') };
}
