/** The lines of a batch: most are asked, some are twins, some are answered by a rule, one cannot be sent. */

export interface SubmittedLine {
  readonly custom_id: string;
  readonly method: 'POST';
  readonly url: '/v1/chat/completions';
  readonly body: object;
}

const ruled = (index: number): boolean => index % 20 === 13;
const isTwin = (index: number): boolean => index % 20 === 7;
const rejected = (index: number): boolean => index === 3;

/** `token`: what the notes on the bill begin with. Index 7 asks what 6 asks, and so on. */
export function linesOf(token: string, items: number, route: string): readonly SubmittedLine[] {
  return Array.from({ length: items }, (_, index) => ({
    custom_id: `${token}-${index}`,
    method: 'POST',
    url: '/v1/chat/completions',
    body: {
      model: rejected(index) ? 'nobody' : route,
      max_tokens: 200,
      messages: [
        { role: 'user', content: contentOf(`${token}-${isTwin(index) ? index - 1 : index}`, ruled(index)) },
      ],
    },
  }));
}

function contentOf(note: string, byRule: boolean): string {
  return `${byRule ? '[[rule]] ' : ''}[[echo]] [[note:${note}]] number ${note}.`;
}

/** What the answer of a line must hold. */
export function wayOf(customId: string): { readonly answer: string } {
  const at = customId.lastIndexOf('-');
  const index = Number(customId.slice(at + 1));
  const asked = isTwin(index) ? index - 1 : index;
  return { answer: ruled(index) ? 'By rule.' : `number ${customId.slice(0, at)}-${asked}.` };
}
