/** Tools and the choice among them. Tools that Anthropic itself runs stay whole. */
import { asString, isObject } from '../../../core/json.ts';
import type { Tool, ToolChoice } from '../../../core/request.ts';
import { decodeCache } from './decode-content.ts';
import { type Fields, invalid, requireArray, requireObject, requireString } from './read.ts';

export function decodeTools(value: unknown): readonly Tool[] {
  if (value === undefined || value === null) return [];
  return requireArray(value, 'tools').map((entry, position): Tool => {
    const tool = requireObject(entry, `tools.${position}`);
    if (!isFunctionTool(tool)) return { kind: 'server', protocol: 'anthropic-messages', raw: tool };
    const description = asString(tool['description']);
    const strict = tool['strict'];
    return {
      kind: 'function',
      name: requireString(tool['name'], `tools.${position}.name`),
      parameters: requireObject(tool['input_schema'], `tools.${position}.input_schema`),
      ...(description === undefined ? {} : { description }),
      ...(typeof strict === 'boolean' ? { strict } : {}),
      ...decodeCache(tool),
    };
  });
}

export function isFunctionTool(tool: Fields): boolean {
  const type = asString(tool['type']);
  return type === undefined || type === 'custom';
}

export function decodeToolChoice(value: unknown): ToolChoice | undefined {
  if (value === undefined || value === null) return undefined;
  const choice = requireObject(value, 'tool_choice');
  switch (choice['type']) {
    case 'auto':
      return { kind: 'auto' };
    case 'none':
      return { kind: 'none' };
    case 'any':
      return { kind: 'required' };
    case 'tool':
      return { kind: 'tool', name: requireString(choice['name'], 'tool_choice.name') };
    default:
      throw invalid('tool_choice.type', "Input should be 'auto', 'any', 'tool' or 'none'");
  }
}

export function decodeParallel(value: unknown): boolean | undefined {
  return isObject(value) && value['disable_parallel_tool_use'] === true ? false : undefined;
}
