/** Whether a whole answer has the form that its request asks for: its text by the format, its calls by the tools that were offered. */
import type { Answer, Choice } from '../core/answer.ts';
import type { ToolCallBlock } from '../core/content.ts';
import type { OutputFormat, Tool } from '../core/request.ts';
import { checkAnswer } from './check.ts';
import { parse } from './parse.ts';
import { compileSchema } from './schema.ts';

export interface FormChecked {
  /** With what could be mended mended; absent: it is good as it is. */
  readonly answer?: Answer;
  /** Why it has not the form, as a sentence. */
  readonly message?: string;
}

/** Every choice must have the form; what can be mended is. */
export function checkForm(answer: Answer, format: OutputFormat | undefined): FormChecked {
  if (format === undefined || format.kind === 'text') return {};
  let mended = false;
  const choices: Choice[] = [];
  for (const choice of answer.choices) {
    const texts = choice.blocks.flatMap((block) => (block.type === 'text' ? [block.text] : []));
    // Calls of tools, and refusals, have no text that could have a form.
    if (texts.length === 0) {
      choices.push(choice);
      continue;
    }
    const checked = checkAnswer(texts.join(''), format);
    // A schema was promised. JSON alone is a wish that some targets cannot be told of: a sync caller gets what comes, and so does an item.
    if (checked.kind === 'wrong' && format.kind === 'schema') return { message: checked.message };
    if (checked.kind !== 'repaired') choices.push(choice);
    else {
      mended = true;
      const others = choice.blocks.filter((block) => block.type !== 'text');
      choices.push({ ...choice, blocks: [...others, { type: 'text', text: checked.text }] });
    }
  }
  return mended ? { answer: { ...answer, choices } } : {};
}

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
