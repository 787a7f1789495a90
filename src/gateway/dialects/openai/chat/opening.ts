/** How a Chat Completions conversation begins: its tools, and the messages up to the first of the user. */
import type { ScannedBody } from '../../../../core/body.ts';
import { asString } from '../../../../core/json.ts';
import { present } from '../../../../core/present.ts';
import { leadingElements, readField } from '../../../../wire/json-scan.ts';
import type { Opening } from '../../contract.ts';

/** Instructions come in one message or two; what has no word of a user by then has none. */
const mostLeading = 8;
/** A quote inside a text is escaped, so this is no text. */
const ofUser = /"role"\s*:\s*"user"/;
/** Who writes a message puts its role first, or last: the text between may be long. */
const edge = 128;

function isUsers(message: string): boolean {
  return ofUser.test(
    message.length <= 2 * edge ? message : `${message.slice(0, edge)} ${message.slice(-edge)}`,
  );
}

export function openingOf(body: ScannedBody): Opening {
  const tools = body.fields.get('tools');
  let prefix = tools === undefined ? '' : body.latin1.slice(tools.start, tools.end);
  let first = '';
  for (const message of leadingElements(body, 'messages', mostLeading)) {
    if (isUsers(message)) {
      first = message;
      break;
    }
    prefix += message;
  }
  return { prefix, first, ...present({ marker: asString(readField(body, 'prompt_cache_key')) }) };
}
