/** A whole answer held against the form that was asked for. */
import type { Answer } from '../core/answer.ts';
import type { OutputFormat } from '../core/request.ts';
import { checkAnswer } from './check.ts';

/** Every choice must have the form; what can be mended is. `undefined`: it is good as it is. `message`: why it is not, and cannot be made so. */
export function checkForm(
  format: OutputFormat | undefined,
  answer: Answer,
): { readonly answer?: Answer; readonly message?: string } | undefined {
  if (format === undefined || format.kind === 'text') return undefined;
  let mended = false;
  const choices = [];
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
      choices.push({ ...choice, blocks: [...others, { type: 'text' as const, text: checked.text }] });
    }
  }
  return mended ? { answer: { ...answer, choices } } : undefined;
}
