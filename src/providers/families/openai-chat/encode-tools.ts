/** Tool definitions and the choice among them. */
import type {
  ChatCompletionCreateParams,
  ChatCompletionCustomTool,
  ChatCompletionTool,
  ChatCompletionToolChoiceOption,
} from 'openai/resources/chat/completions';
import { GatewayError } from '../../../core/errors.ts';
import { isObject } from '../../../core/json.ts';
import type { ChatRequest, FunctionTool, Tool, ToolChoice } from '../../../core/request.ts';
import type { EncodeState } from './encode-content.ts';

type ToolFields = Pick<ChatCompletionCreateParams, 'tools' | 'tool_choice' | 'parallel_tool_calls'>;

export function encodeTools(request: ChatRequest, { traits }: EncodeState): ToolFields {
  const { toolChoice, parallelTools } = request;
  // The choice and the parallel flag without tools are a 400.
  if (request.tools.length === 0) return {};
  const cut = toolChoice?.kind === 'subset' && !traits.allowedTools;
  const offered = cut
    ? request.tools.filter((tool) => tool.kind === 'server' || toolChoice.names.includes(tool.name))
    : request.tools;
  const choice: ToolChoice | undefined = cut
    ? { kind: toolChoice.required ? 'required' : 'auto' }
    : toolChoice;
  if (offered.length === 0) return {};
  return {
    tools: offered.map(encodeTool),
    ...(choice === undefined ? {} : { tool_choice: encodeToolChoice(choice, request.tools) }),
    ...(parallelTools === undefined ? {} : { parallel_tool_calls: parallelTools }),
  };
}

function encodeTool(tool: Tool): ChatCompletionTool {
  switch (tool.kind) {
    case 'function':
      return encodeFunction(tool);
    case 'custom': {
      const { name, description, format } = tool;
      return {
        type: 'custom',
        custom: {
          name,
          ...(description === undefined ? {} : { description }),
          // As the caller wrote it: grammars are OpenAI's own, and no other protocol has one.
          ...(isObject(format) ? { format: tool.format as ChatCompletionCustomTool.Custom.Text } : {}),
        },
      };
    }
    case 'server':
      // As the caller wrote it, for the protocol it was written in.
      if (tool.protocol === 'openai-chat') return tool.raw as ChatCompletionTool;
      throw new GatewayError(
        'unsupported',
        'OpenAI Chat Completions cannot carry a tool that another provider runs itself.',
      );
  }
}

function encodeFunction({ name, description, parameters, strict }: FunctionTool): ChatCompletionTool {
  return {
    type: 'function',
    function: {
      name,
      ...(description === undefined ? {} : { description }),
      parameters: objectSchema(parameters),
      ...(strict === undefined ? {} : { strict }),
    },
  };
}

/** OpenAI refuses an object schema without `properties`, and Mistral a function without `parameters`; none of them refuses this. */
function objectSchema(parameters: FunctionTool['parameters']): Record<string, unknown> {
  if (parameters === undefined) return { type: 'object', properties: {} };
  const branched =
    '$ref' in parameters || 'anyOf' in parameters || 'oneOf' in parameters || 'allOf' in parameters;
  if (branched || ('type' in parameters && 'properties' in parameters)) return { ...parameters };
  return { type: 'object', properties: {}, ...parameters };
}

function encodeToolChoice(choice: ToolChoice, tools: readonly Tool[]): ChatCompletionToolChoiceOption {
  switch (choice.kind) {
    case 'auto':
    case 'none':
    case 'required':
      return choice.kind;
    case 'tool':
      return isCustom(choice.name, tools)
        ? { type: 'custom', custom: { name: choice.name } }
        : { type: 'function', function: { name: choice.name } };
    case 'subset':
      return {
        type: 'allowed_tools',
        allowed_tools: {
          mode: choice.required ? 'required' : 'auto',
          tools: choice.names.map((name) =>
            isCustom(name, tools)
              ? { type: 'custom', custom: { name } }
              : { type: 'function', function: { name } },
          ),
        },
      };
  }
}

function isCustom(name: string, tools: readonly Tool[]): boolean {
  return tools.some((tool) => tool.kind === 'custom' && tool.name === name);
}
