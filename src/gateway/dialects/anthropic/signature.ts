/**
 * What other families want back travels through an Anthropic client in a signature's place, since clients send thinking blocks back as they
 * came: `im1.<family>.<base64>` on a thought, and on an empty thought of our own making `im1.next.<family>.<base64>` for the block behind it,
 * `im1.prev.…` for the one before it, `im1.text.…` for an empty text in its place. Claude never sees any of them: targets drop what another
 * family made.
 */
import type { Carry, CarryFamily } from '../../../core/content.ts';

const mark = 'im1.';
const families: readonly CarryFamily[] = ['gemini', 'openai', 'converse'];
/** The family whose signatures this protocol carries bare. */
const own: CarryFamily = 'anthropic';

/** Whose the carry is: the thought's own, a neighbour's, or that of an empty text that stood here. */
export type Place = 'self' | 'next' | 'prev' | 'text';
const places: readonly Place[] = ['next', 'prev', 'text'];

export interface ReadSignature {
  readonly place: Place;
  readonly carry?: Carry;
}

export function wrapSignature(carry: Carry | undefined, place: Place = 'self'): string {
  // Clients' types demand a signature, so a thought without one gets a mark that means nothing.
  if (carry === undefined) return `${mark}none.`;
  if (carry.family === own && place === 'self') return carry.payload;
  const where = place === 'self' ? '' : `${place}.`;
  return `${mark}${where}${carry.family}.${Buffer.from(carry.payload).toString('base64')}`;
}

export function readSignature(signature: string): ReadSignature {
  if (!signature.startsWith(mark))
    return { place: 'self', ...(signature === '' ? {} : { carry: { family: own, payload: signature } }) };
  const parts = signature.slice(mark.length).split('.');
  const place = places.find((one) => one === parts[0]);
  const [name, payload] = place === undefined ? parts : parts.slice(1);
  const family = [own, ...families].find((one) => one === name);
  const carry =
    family === undefined || payload === undefined
      ? {}
      : { carry: { family, payload: Buffer.from(payload, 'base64').toString() } };
  return { place: place ?? 'self', ...carry };
}

/** A thought without text that holds a neighbour's carry. */
export function carryBlock(carry: Carry, place: Exclude<Place, 'self'>): object {
  return { type: 'thinking', thinking: '', signature: wrapSignature(carry, place) };
}
