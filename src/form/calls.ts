/** Whether the calls of an answer have the form that was asked for. */
import type { Answer } from '../core/answer.ts';
import type { ToolCallBlock } from '../core/content.ts';
import type { Tool } from '../core/request.ts';
import { parse } from './parse.ts';
import { compileSchema } from './schema.ts';

/** Calls must be of tools that were offered, with arguments of their schema. `undefined`: they are. */
export function checkCalls(answer: Answer, tools: readonly Tool[]): string | undefined {
  for (const { blocks } of answer.choices)
    for (const block of blocks) {
      const problem = block.type === 'tool-call' ? problemOf(block, tools) : undefined;
      if (problem !== undefined) return problem;
    }
  return undefined;
}

function problemOf(call: ToolCallBlock, tools: readonly Tool[]): string | undefined {
  const tool = tools.find((one) => one.kind !== 'server' && one.name === call.name);
  if (tool === undefined) return 'The answer calls a tool that was not offered.';
  if (tool.kind !== 'function') return undefined;
  const read = parse(call.arguments === '' ? '{}' : call.arguments);
  if (read === undefined) return 'The arguments of a call are not JSON.';
  if (tool.parameters === undefined) return undefined;
  const compiled = compileSchema(tool.parameters);
  // A schema that cannot be checked is no fault of the answer.
  const misfit = compiled.ok ? compiled.validate(read.value) : undefined;
  return misfit === undefined ? undefined : `The arguments of a call: ${misfit}.`;
}
