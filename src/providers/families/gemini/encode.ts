/** A neutral request as a generateContent body. */

import { GatewayError } from '../../../core/errors.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatRequest, FunctionTool, Tool } from '../../../core/request.ts';
import type { Encoded } from '../../contract.ts';
import { type EncodeState, encodeContents } from './encode-contents.ts';
import type {
  RestBody,
  RestFunctionDeclaration,
  RestGenerationConfig,
  RestPart,
  RestToolConfig,
} from './rest-shape.ts';
import { convertSchema, isEmptyObjectSchema } from './schema.ts';
import { encodeThinking } from './thinking.ts';
import type { ToolNames } from './tools.ts';
import type { GeminiTraits } from './traits.ts';

/** More is a 400. */
const mostStops = 5;
const mostLogprobs = 20;

export function encodeGenerateContent(
  request: ChatRequest,
  model: ModelInfo,
  traits: GeminiTraits,
  names: ToolNames,
): Encoded {
  const dropped = new Set<string>(Object.keys(request.extensions));
  const state: EncodeState = { traits, names, dropped };
  const tools = request.tools.flatMap((tool) => encodeTool(tool, request, state));
  const system = encodeSystem(request, model, tools.length > 0, state);
  const config = {
    ...encodeLimits(request, model),
    ...encodeSampling(request, model, dropped),
    ...encodeFormat(request, model, tools.length > 0, state),
    ...withThinking(request, traits, dropped),
  } satisfies RestGenerationConfig;
  const choice = tools.length === 0 ? undefined : encodeToolChoice(request, state);
  const body = {
    ...(system.length === 0 ? {} : { systemInstruction: { parts: system } }),
    contents: encodeContents(request.messages, state),
    ...(tools.length === 0 ? {} : { tools: [{ functionDeclarations: tools }] }),
    ...(choice === undefined ? {} : { toolConfig: choice }),
    ...(Object.keys(config).length === 0 ? {} : { generationConfig: config }),
  } satisfies RestBody;
  dropUnknown(request, dropped);
  return { body, dropped: [...dropped] };
}

function withThinking(
  request: ChatRequest,
  traits: GeminiTraits,
  dropped: Set<string>,
): Pick<RestGenerationConfig, 'thinkingConfig'> {
  const thinkingConfig = encodeThinking(request, traits, dropped);
  return thinkingConfig === undefined ? {} : { thinkingConfig };
}

/** Everything that has no place in this protocol at all. Cache hints mean nothing here, and dropping them changes no answer. */
function dropUnknown(request: ChatRequest, dropped: Set<string>): void {
  if (request.logitBias !== undefined) dropped.add('logit_bias');
  if (request.verbosity !== undefined) dropped.add('verbosity');
  if (request.endUser !== undefined) dropped.add('user');
  if (request.metadata !== undefined) dropped.add('metadata');
  if (request.tools.length > 0 && request.parallelTools === false) dropped.add('parallel_tool_calls');
  const { serviceTier } = request;
  if (serviceTier !== undefined && serviceTier !== 'auto' && serviceTier !== 'default')
    dropped.add('service_tier');
}

/** A schema cannot go beside functions on older models, nor anywhere on a model without schemas: words have to do. */
function tellsFormat(
  request: ChatRequest,
  model: ModelInfo,
  hasTools: boolean,
  traits: GeminiTraits,
): boolean {
  if (request.format === undefined || request.format.kind === 'text') return false;
  if (hasTools && !traits.schemaWithTools) return true;
  return request.format.kind === 'schema' && model.known && !model.nativeSchema;
}

function encodeSystem(
  request: ChatRequest,
  model: ModelInfo,
  hasTools: boolean,
  { traits, dropped }: EncodeState,
): RestPart[] {
  const parts: RestPart[] = request.system
    .filter((block) => block.text.trim() !== '')
    .map((block) => ({ text: block.text }));
  if (!tellsFormat(request, model, hasTools, traits)) return parts;
  dropped.add('response_format');
  const schema = request.format?.kind === 'schema' ? request.format.schema : undefined;
  parts.push({
    text:
      schema === undefined
        ? 'Give your final answer as one JSON object and nothing else.'
        : `Give your final answer as JSON and nothing else. It must match this JSON Schema: ${JSON.stringify(schema)}`,
  });
  return parts;
}

function encodeFormat(
  request: ChatRequest,
  model: ModelInfo,
  hasTools: boolean,
  { traits, dropped }: EncodeState,
): RestGenerationConfig {
  const { format } = request;
  if (format === undefined || format.kind === 'text') return {};
  if (hasTools && !traits.schemaWithTools) return {};
  const json = { responseMimeType: 'application/json' };
  if (format.kind === 'json' || (model.known && !model.nativeSchema)) return json;
  if (traits.jsonSchema) return { ...json, responseJsonSchema: format.schema };
  const note = (keyword: string): void => {
    dropped.add(`response_format.json_schema.${keyword}`);
  };
  return { ...json, responseSchema: convertSchema(format.schema, note) };
}

function encodeLimits(request: ChatRequest, model: ModelInfo): RestGenerationConfig {
  const { maxOutputTokens, stop, choices } = request;
  if (stop !== undefined && stop.length > mostStops)
    throw new GatewayError(
      'unsupported',
      `${model.id} takes at most ${mostStops} stop sequences; the request has ${stop.length}.`,
      { param: 'stop' },
    );
  return {
    ...(maxOutputTokens === undefined
      ? {}
      : { maxOutputTokens: Math.min(maxOutputTokens, model.maxOutputTokens ?? Number.POSITIVE_INFINITY) }),
    ...(stop === undefined || stop.length === 0 ? {} : { stopSequences: [...stop] }),
    ...(choices === undefined || choices === 1 ? {} : { candidateCount: choices }),
  };
}

function encodeSampling(request: ChatRequest, model: ModelInfo, dropped: Set<string>): RestGenerationConfig {
  const fixed = model.sampling === 'fixed';
  const take = (name: string, value: number | undefined): number | undefined => {
    if (value !== undefined && fixed) dropped.add(name);
    return fixed ? undefined : value;
  };
  const temperature = take('temperature', request.temperature);
  const oneOf = model.sampling === 'one-of' && temperature !== undefined;
  if (oneOf && request.topP !== undefined) dropped.add('top_p');
  const topP = oneOf ? undefined : take('top_p', request.topP);
  const topK = take('top_k', request.topK);
  const { frequencyPenalty, presencePenalty, logprobs } = request;
  const seed = isInt32(request.seed) ? request.seed : undefined;
  if (seed !== request.seed) dropped.add('seed');
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
    ...(frequencyPenalty === undefined ? {} : { frequencyPenalty }),
    ...(presencePenalty === undefined ? {} : { presencePenalty }),
    ...(seed === undefined ? {} : { seed }),
    ...(logprobs === undefined ? {} : { responseLogprobs: true }),
    ...(logprobs === undefined || logprobs.top === 0
      ? {}
      : { logprobs: Math.min(logprobs.top, mostLogprobs) }),
  };
}

/** Seeds are 32-bit here, 64-bit at OpenAI. */
function isInt32(value: number | undefined): boolean {
  return value !== undefined && (value | 0) === value;
}

function encodeTool(tool: Tool, request: ChatRequest, state: EncodeState): RestFunctionDeclaration[] {
  const { names, dropped, traits } = state;
  if (tool.kind === 'server') {
    dropped.add('tools');
    return [];
  }
  const choice = request.toolChoice;
  // Without VALIDATED a subset is left to choose from by leaving out the rest.
  if (choice?.kind === 'subset' && !choice.required && !traits.validated && !choice.names.includes(tool.name))
    return [];
  const described = tool.description === undefined ? {} : { description: tool.description };
  const name = names.toWire(tool.name, tool.kind);
  if (tool.kind === 'custom') {
    // Free text has no tool kind here: one string property stands in, and is unwrapped in the reply.
    if (tool.format !== undefined) dropped.add('tools.custom.format');
    return [
      {
        name,
        ...described,
        parameters: { type: 'OBJECT', properties: { input: { type: 'STRING' } }, required: ['input'] },
      },
    ];
  }
  return [{ name, ...described, ...encodeParameters(tool, state) }];
}

function encodeParameters(
  { parameters }: FunctionTool,
  { traits, dropped }: EncodeState,
): Pick<RestFunctionDeclaration, 'parameters' | 'parametersJsonSchema'> {
  if (parameters === undefined || isEmptyObjectSchema(parameters)) return {};
  if (traits.jsonSchema) return { parametersJsonSchema: parameters };
  const note = (keyword: string): void => {
    dropped.add(`tools.parameters.${keyword}`);
  };
  return { parameters: { ...convertSchema(parameters, note), type: 'OBJECT' } };
}

function encodeToolChoice(request: ChatRequest, state: EncodeState): RestToolConfig | undefined {
  const { toolChoice: choice } = request;
  const { traits } = state;
  const wire = (name: string): string =>
    state.names.toWire(
      name,
      request.tools.find((tool) => nameOf(tool) === name)?.kind === 'custom' ? 'custom' : 'function',
    );
  // VALIDATED is AUTO with arguments held to their schema, which is what `strict` asks for.
  const strict =
    traits.validated && request.tools.some((tool) => tool.kind === 'function' && tool.strict === true);
  switch (choice?.kind) {
    case undefined:
      return strict ? { functionCallingConfig: { mode: 'VALIDATED' } } : undefined;
    case 'auto':
      return { functionCallingConfig: { mode: strict ? 'VALIDATED' : 'AUTO' } };
    case 'none':
      return { functionCallingConfig: { mode: 'NONE' } };
    case 'required':
      return { functionCallingConfig: { mode: 'ANY' } };
    case 'tool':
      return { functionCallingConfig: { mode: 'ANY', allowedFunctionNames: [wire(choice.name)] } };
    case 'subset': {
      if (!choice.required && !traits.validated) return { functionCallingConfig: { mode: 'AUTO' } };
      const mode = choice.required ? 'ANY' : 'VALIDATED';
      return { functionCallingConfig: { mode, allowedFunctionNames: choice.names.map(wire) } };
    }
  }
}

function nameOf(tool: Tool): string | undefined {
  return tool.kind === 'server' ? undefined : tool.name;
}
