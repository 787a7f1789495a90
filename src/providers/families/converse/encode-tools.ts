/** Tools and the choice among them. Converse knows auto, any and one by name; "none" is said by leaving the tools out. */
import { GatewayError } from '../../../core/errors.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatRequest, FunctionTool, Tool } from '../../../core/request.ts';
import { jsonToolDescription, jsonToolName } from '../forced-json.ts';
import { cachePoint } from './encode-messages.ts';
import type { FreeForm, RestMessage, RestTool, RestToolConfig } from './rest-shape.ts';
import type { ConverseTraits } from './traits.ts';

type Choice = RestToolConfig['toolChoice'];

export interface ToolState {
  readonly model: ModelInfo;
  readonly traits: ConverseTraits;
  readonly dropped: Set<string>;
  readonly thinking: boolean;
  /** The schema that a forced tool stands in for. */
  readonly forcedJson: FreeForm | undefined;
}

export function encodeTools(
  request: ChatRequest,
  messages: readonly RestMessage[],
  state: ToolState,
): RestToolConfig | undefined {
  const { dropped, forcedJson } = state;
  const offered = request.tools.filter((tool) => isOffered(tool, request, state));
  const tools = offered.flatMap((tool) => encodeTool(tool, state));
  if (forcedJson !== undefined)
    tools.push(spec(jsonToolName, jsonToolDescription, { ...forcedJson, type: 'object' }));
  const used = toolsUsed(messages);
  if (tools.length === 0 || (request.toolChoice?.kind === 'none' && forcedJson === undefined)) {
    // "The toolConfig field must be defined when using toolUse and toolResult content blocks."
    if (used.length === 0) return undefined;
    if (request.toolChoice?.kind === 'none') dropped.add('tool_choice');
    return {
      tools: tools.length > 0 ? tools : used.map((name) => spec(name, undefined, { type: 'object' })),
    };
  }
  if (request.parallelTools === false) dropped.add('parallel_tool_calls');
  const choice = encodeChoice(request, state);
  return { tools, ...(choice === undefined ? {} : { toolChoice: choice }) };
}

/** A choice of some tools is made by offering only these; so is one tool, where the model takes no name. */
function isOffered(
  tool: Tool,
  { toolChoice }: ChatRequest,
  { traits, dropped, thinking }: ToolState,
): boolean {
  if (tool.kind === 'server') {
    dropped.add('tools');
    return false;
  }
  if (toolChoice?.kind === 'subset') return toolChoice.names.includes(tool.name);
  if (toolChoice?.kind === 'tool' && traits.forced === 'any' && !thinking)
    return tool.name === toolChoice.name;
  return true;
}

function toolsUsed(messages: readonly RestMessage[]): readonly string[] {
  const names = new Set<string>();
  for (const { content } of messages)
    for (const block of content)
      if ('toolUse' in block && block.toolUse !== undefined) names.add(block.toolUse.name);
  return [...names];
}

function encodeChoice(request: ChatRequest, state: ToolState): Choice {
  const { toolChoice } = request;
  const { traits, dropped, thinking, forcedJson } = state;
  if (forcedJson !== undefined)
    return request.tools.length === 0 && traits.forced === 'tool'
      ? { tool: { name: jsonToolName } }
      : { any: {} };
  const forced =
    toolChoice?.kind === 'required' ||
    toolChoice?.kind === 'tool' ||
    (toolChoice?.kind === 'subset' && toolChoice.required);
  if (!forced) return toolChoice === undefined ? undefined : { auto: {} };
  // "Thinking may not be enabled when tool_choice forces tool use"; other models know no forced choice at all.
  if (traits.forced === 'none' || (thinking && traits.thinking === 'claude')) {
    dropped.add('tool_choice');
    return { auto: {} };
  }
  return toolChoice.kind === 'tool' && traits.forced === 'tool'
    ? { tool: { name: toolChoice.name } }
    : { any: {} };
}

function encodeTool(tool: Tool, state: ToolState): RestTool[] {
  if (tool.kind === 'server') return [];
  requireName(tool.name);
  if (tool.kind === 'custom') {
    // Free text has no tool kind here: one string property stands in.
    if (tool.format !== undefined) state.dropped.add('tools.custom.format');
    const schema = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] };
    return [spec(tool.name, tool.description, schema)];
  }
  const point = state.traits.cache?.tools === true ? cachePoint(tool.cache, state.traits) : undefined;
  const encoded = spec(tool.name, tool.description, schemaOf(tool), strictOf(tool, state));
  return point === undefined ? [encoded] : [encoded, { cachePoint: point }];
}

/** The root must say that it is an object; nothing else of the caller's schema changes. */
function schemaOf({ parameters }: FunctionTool): FreeForm {
  return parameters === undefined ? { type: 'object', properties: {} } : { ...parameters, type: 'object' };
}

/** `strict: false` is what everybody does; `strict: true` only where schemas are native. */
function strictOf(tool: FunctionTool, { model, dropped }: ToolState): boolean | undefined {
  if (tool.strict !== true) return undefined;
  if (model.nativeSchema) return true;
  dropped.add('tools.strict');
  return undefined;
}

function spec(name: string, description: string | undefined, json: FreeForm, strict?: boolean): RestTool {
  return {
    toolSpec: {
      name,
      // An empty description is refused.
      ...(description === undefined || description.trim() === '' ? {} : { description }),
      inputSchema: { json },
      ...(strict === undefined ? {} : { strict }),
    },
  };
}

function requireName(name: string): void {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name))
    throw new GatewayError(
      'unsupported',
      `The tool name ${JSON.stringify(name.slice(0, 80))} does not fit Bedrock: letters, digits, _ and -, at most 64.`,
      { param: 'tools' },
    );
}
