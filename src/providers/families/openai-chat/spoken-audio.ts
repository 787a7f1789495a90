/** A spoken answer: `{id, data, transcript, expires_at}`, whole or in pieces. Only this protocol knows it. */
import { GatewayError } from '../../../core/errors.ts';
import { asNumber, asString, isObject } from '../../../core/json.ts';

/** A quarter of an hour of 16-bit speech in base64. */
const maxCharacters = 64 * 1024 * 1024;

export interface SpokenAudio {
  add(value: unknown): void;
  raw(): object | undefined;
}

export function createSpokenAudio(): SpokenAudio {
  let id = '';
  let expiresAtS: number | undefined;
  let transcript = '';
  let characters = 0;
  const data: string[] = [];
  return {
    add(value) {
      if (!isObject(value)) return;
      id = asString(value['id']) || id;
      expiresAtS = asNumber(value['expires_at']) ?? expiresAtS;
      transcript += asString(value['transcript']) ?? '';
      const piece = asString(value['data']) ?? '';
      characters += piece.length;
      if (characters > maxCharacters)
        throw new GatewayError(
          'upstream_malformed',
          `The provider’s audio is over ${maxCharacters} characters.`,
        );
      if (piece !== '') data.push(piece);
    },
    raw() {
      // Some servers send the field empty with every answer.
      if (id === '' && data.length === 0) return undefined;
      const expires = expiresAtS === undefined ? {} : { expires_at: expiresAtS };
      return { id, data: data.join(''), transcript, ...expires };
    },
  };
}
