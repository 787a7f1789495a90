/** What the result lines of all shapes have in common. Lines are put together as text: answers are many, large, and not ours to read. */
import type { FinalItem, Provenance } from '../../batch/shape/contract.ts';
import { GatewayError } from '../../core/errors.ts';
import { decimalDollars } from '../../core/price.ts';
import { parseTarget } from '../../core/target.ts';

/** The body of an answer on one line. Providers print their sync answers over many; a string holds no raw line break, so each is white space. */
export function oneLine(json: string): string {
  return json.includes('\n') || json.includes('\r') ? json.replace(/[\r\n]+\s*/g, ' ').trim() : json;
}

/** JSON text: by whom, how and for how much an item was answered. The provider's own ids are none of the caller's business. */
export function writeProvenance(provenance: Provenance): string {
  const target = parseTarget(provenance.target);
  const { attempts, promptHash, submission, twinOf } = provenance;
  const by =
    target === undefined
      ? '"target":null,"provider":null,"model":null,"mode":"rule"'
      : `"target":${quote(provenance.target)},"provider":${quote(target.provider)},"model":${quote(target.model)},"mode":"${target.mode}"`;
  const more =
    (submission === undefined ? '' : `,"submission":${quote(submission)}`) +
    (twinOf === undefined ? '' : `,"twin_of":${quote(twinOf)}`) +
    writeCascade(provenance.cascade);
  return `{${by},"attempts":${attempts},"prompt_hash":${quote(promptHash)},"cost_usd":${decimalDollars(provenance.costNanoUsd)},"list_cost_usd":${decimalDollars(provenance.listNanoUsd)}${more}}`;
}

function writeCascade(cascade: Provenance['cascade']): string {
  if (cascade === undefined) return '';
  const { outcome, wave, confidence } = cascade;
  const sure = confidence === undefined ? 'null' : String(Math.round(confidence * 10_000) / 10_000);
  return `,"cascade":"${outcome}","wave":${wave},"confidence":${sure}`;
}

export const quote = (text: string): string => JSON.stringify(text);

export type UnansweredItem = Exclude<FinalItem, { kind: 'done' }>;

/** Why an item has no answer, as whoever renders errors takes it. */
export function errorOf(item: UnansweredItem): GatewayError {
  return new GatewayError(item.error.code, item.error.message);
}

/** `,"intermodal":{…}` beside an error: which line it was, our own code, and the provider's words where it said more. */
export function writeFailure({ kind, seq, error }: UnansweredItem): string {
  const upstream = error.upstream === undefined ? '' : `,"upstream":${quote(error.upstream)}`;
  return `{"outcome":"${kind}","line":${seq},"code":"${error.code}"${upstream}}`;
}

/** Of an item, for whoever asks about it: of the batch's id and the line, so the same each time it is written. */
export function itemId(prefix: string, item: FinalItem, idPrefix: string): string {
  return `${prefix}${item.batch.id.slice(idPrefix.length)}_${item.seq}`;
}
