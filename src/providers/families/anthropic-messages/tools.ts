/** Tools and the choice among them, as Claude takes them. */
import type { ToolChoice as ToolChoiceParam, Tool as ToolParam } from '@anthropic-ai/sdk/resources/messages';
import type { ModelInfo } from '../../../core/model.ts';
import type { ChatRequest, FunctionTool, Tool } from '../../../core/request.ts';
import { cacheControl } from './cache-marks.ts';
import { jsonToolName } from './json-tool.ts';
import { type ObjectSchema, strictSchema, toolSchema } from './schema.ts';
import { forcesTool } from './thinking.ts';

export function encodeTools(request: ChatRequest, model: ModelInfo, dropped: Set<string>): ToolParam[] {
  const allowed = request.toolChoice?.kind === 'subset' ? new Set(request.toolChoice.names) : undefined;
  return request.tools.flatMap((tool) => {
    if (tool.kind === 'server') {
      if (tool.protocol === 'anthropic-messages') return [ownTool(tool.raw)];
      dropped.add('tools');
      return [];
    }
    if (allowed !== undefined && !allowed.has(tool.name)) return [];
    return [encodeTool(tool, model, dropped)];
  });
}

/** A server tool that this protocol's own dialect read goes back as it came. */
function ownTool(raw: unknown): ToolParam {
  return raw as ToolParam; // one of the protocol's tool kinds, of which the body takes any
}

function encodeTool(
  tool: Exclude<Tool, { kind: 'server' }>,
  model: ModelInfo,
  dropped: Set<string>,
): ToolParam {
  const described = tool.description === undefined ? {} : { description: tool.description };
  if (tool.kind === 'custom') {
    // Free text has no tool kind here: one string property stands in.
    if (tool.format !== undefined) dropped.add('tools.custom.format');
    return {
      name: tool.name,
      ...described,
      input_schema: { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] },
    };
  }
  const strict = tool.strict === true && model.nativeSchema;
  if (tool.strict === true && !strict) dropped.add('tools.strict');
  return {
    name: tool.name,
    ...described,
    input_schema: strict ? strictInput(tool, dropped) : toolSchema(tool.parameters, dropped),
    ...(strict ? { strict } : {}),
    ...cacheControl(tool.cache),
  };
}

function strictInput(tool: FunctionTool, dropped: Set<string>): ObjectSchema {
  const moved = new Set<string>();
  const schema = strictSchema(toolSchema(tool.parameters, dropped), moved);
  for (const word of moved) dropped.add(`tools.input_schema.${word}`);
  return { ...schema, type: 'object' };
}

/** `undefined`: say nothing, which means `auto`. */
export function encodeToolChoice(
  request: ChatRequest,
  forcedJson: boolean,
  thinking: boolean,
  dropped: Set<string>,
): ToolChoiceParam | undefined {
  const { toolChoice, parallelTools } = request;
  const single = parallelTools === false ? { disable_parallel_tool_use: true } : {};
  if (forcedJson) return chooseAnswer(request, single);
  if (toolChoice === undefined) return parallelTools === false ? { type: 'auto', ...single } : undefined;
  if (thinking && forcesTool(request)) {
    // "Thinking may not be enabled when tool_choice forces tool use": what the caller said about thinking wins.
    dropped.add('tool_choice');
    return { type: 'auto', ...single };
  }
  switch (toolChoice.kind) {
    case 'none':
      return { type: 'none' };
    case 'auto':
      return { type: 'auto', ...single };
    case 'required':
      return { type: 'any', ...single };
    case 'tool':
      return { type: 'tool', name: toolChoice.name, ...single };
    case 'subset':
      return { type: toolChoice.required ? 'any' : 'auto', ...single };
  }
}

/** The answer's tool is forced: alone, or as one of the caller's own where it may still call those. */
function chooseAnswer(
  request: ChatRequest,
  single: { disable_parallel_tool_use?: boolean },
): ToolChoiceParam {
  const { toolChoice, tools } = request;
  if (tools.length === 0 || toolChoice?.kind === 'none')
    return { type: 'tool', name: jsonToolName, disable_parallel_tool_use: true };
  if (toolChoice?.kind === 'tool') return { type: 'tool', name: toolChoice.name, ...single };
  return { type: 'any', ...single };
}
