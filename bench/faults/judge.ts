/** Whether every item came to an end that its rows explain, and every dollar of the bill to an entry. Says what does not. */

import type { Item, ItemAttempt, Submission } from '../../src/batch/contract.ts';
import { errorKinds } from '../../src/core/errors.ts';
import type { InvoiceLine } from '../../src/simulator/invoice.ts';
import type { LedgerEntry } from '../../src/stores/contract.ts';
import type { BatchEvidence, Evidence } from './evidence.ts';

export interface Books {
  readonly invoicedNanoUsd: number;
  readonly ledgerNanoUsd: number;
  /** Billed for lines that nobody could read, and not in the ledger, whose entries say that they are not exact. */
  readonly unreadableNanoUsd: number;
  readonly unreadableLines: number;
  /** Billed by jobs that nobody could find again; the ledger has an estimate, and says so. */
  readonly unknownNanoUsd: number;
  readonly unknownLedgerNanoUsd: number;
}

export interface Judged {
  readonly wrong: readonly string[];
  readonly books: Books;
}

export type StrikeKind = 'strike' | 'form' | 'none';

export function judge(evidence: Evidence): Judged {
  const wrong: string[] = [];
  const jobItemOf = readJobItems(evidence);
  const billed = Map.groupBy(evidence.invoice, jobItemOf);
  for (const one of evidence.batches) for (const item of one.items) judgeItem(one, item, billed, wrong);
  return { wrong, books: judgeBooks(evidence, jobItemOf, wrong) };
}

type JobItemOf = (line: InvoiceLine) => string;

/** `submission-seq` of a line of a job; '' for a sync call. Bedrock's ids have room for the end of the submission's alone. */
function readJobItems({ batches }: Evidence): JobItemOf {
  const ids = new Map(batches.flatMap((one) => [...one.submissions.keys()].map((id) => [id.slice(-6), id])));
  return ({ batch }) => {
    if (batch === undefined) return '';
    const whole = /s[a-z0-9]{11}-\d+/.exec(batch.item)?.[0];
    if (whole !== undefined) return whole;
    const key = Number.parseInt(batch.item.slice(6), 36);
    return `${ids.get(batch.item.slice(0, 6)) ?? batch.item}-${key}`;
  };
}

function judgeItem(
  one: BatchEvidence,
  item: Item,
  billed: ReadonlyMap<string, readonly InvoiceLine[]>,
  wrong: string[],
): void {
  const attempts = one.attempts.get(item.seq) ?? [];
  const complain = (what: string): void => void wrong.push(`${one.batch.id} ${item.customId}: ${what}`);
  const given = one.lines.get(item.customId) ?? [];
  if (given.length !== 1) complain(`has ${given.length} result lines`);
  if (item.state !== 'done' && item.state !== 'dead') complain(`ended as ${item.state}`);
  if (item.state === 'dead' && (item.error === undefined || attempts.length === 0))
    complain('is a dead letter that does not say why');
  const kept = attempts.length + (item.state === 'done' ? 1 : 0);
  if (kept !== item.attempts) complain(`${item.attempts} attempts, and ${kept} are told of`);

  const sent = attempts.flatMap(({ submission }) => submission ?? []);
  const all = item.state === 'done' && item.submission !== undefined ? [...sent, item.submission] : sent;
  if (new Set(all).size !== all.length) complain('was sent twice in one submission');
  const kinds = strikesOf(one, item);
  const strikes = kinds.filter((kind) => kind === 'strike').length;
  if (strikes !== item.strikes) complain(`${item.strikes} strikes, and ${strikes} are told of`);
  if (item.strikes > 3 || item.formStrikes > 1) complain('was tried more often than three times');
  if (item.state === 'done' && item.submission !== undefined && item.strikes > 2)
    complain('was submitted after its third strike');

  // Billed twice is one thing alone: an answer that could not be used, which is told of.
  for (const submission of one.submissions.keys()) {
    const lines = billed.get(`${submission}-${item.seq}`) ?? [];
    if (lines.length > 1) complain(`is billed ${lines.length} times in ${submission}`);
    if (lines.length > 0 && !all.includes(submission))
      complain(`is billed in ${submission}, of which nothing is told`);
  }
  judgeProvenance(item, given[0]?.intermodal, billed, complain);
}

function judgeProvenance(
  item: Item,
  told: Readonly<Record<string, unknown>> | undefined,
  billed: ReadonlyMap<string, readonly InvoiceLine[]>,
  complain: (what: string) => void,
): void {
  if (item.state !== 'done' || told === undefined) return;
  if (told['attempts'] !== item.attempts) complain('its line tells other attempts');
  if (item.submission === undefined) {
    if (told['mode'] !== 'sync') complain(`was asked alone, and its line says ${told['target']}`);
    return;
  }
  const [line] = billed.get(`${item.submission}-${item.seq}`) ?? [];
  if (line === undefined) {
    complain('was answered and not billed');
    return;
  }
  const nanoUsd = Math.round(Number(told['cost_usd']) * 1e9);
  if (nanoUsd !== line.nanoUsd) complain(`cost ${nanoUsd}, billed ${line.nanoUsd}`);
  if (told['provider'] !== line.instance || told['model'] !== line.model)
    complain(`its line says ${told['target']}, the bill ${line.instance}/${line.model}`);
}

/** What each failed attempt of an item must have counted as, in order. */
export function strikesOf(one: BatchEvidence, item: Item): readonly StrikeKind[] {
  let strikes = 0;
  return (one.attempts.get(item.seq) ?? []).map((attempt) => {
    const submission = one.submissions.get(attempt.submission ?? '');
    const kind =
      submission === undefined ? aloneStrike(attempt, strikes) : strikeOf(one, attempt, submission);
    if (kind === 'strike') strikes += 1;
    return kind;
  });
}

/** A single call before the third strike is a round as any other; after it, it is the last. */
function aloneStrike({ error }: ItemAttempt, strikes: number): StrikeKind {
  if (strikes >= 3 || errorKinds[error.code].retry === 'never') return 'none';
  return error.code === 'upstream_malformed' ? 'form' : 'strike';
}

function strikeOf(one: BatchEvidence, { error }: ItemAttempt, submission: Submission): StrikeKind {
  const chain = one.lanes.get(submission.lane)?.chain ?? [];
  const goesOn = chain.slice(submission.step + 1).some((name) => name.endsWith('@batch'));
  // Never ran: nobody failed at the items.
  if (submission.state === 'refused') return 'none';
  if (submission.how === 'refused' || submission.how === 'failed')
    return goesOn || errorKinds[error.code].retry === 'later' ? 'none' : 'strike';
  if (error.code === 'deadline_exceeded') return goesOn ? 'none' : 'strike';
  if (error.code === 'cancelled') return 'none';
  if (error.code === 'upstream_malformed') return 'form';
  return errorKinds[error.code].fault === 'caller' ? 'none' : 'strike';
}

/** Entry by entry where a submission's say they are exact; sums for single calls. */
function judgeBooks({ batches, ledger, invoice }: Evidence, jobItemOf: JobItemOf, wrong: string[]): Books {
  const bySubmission = Map.groupBy(invoice, (line) => jobItemOf(line).split('-')[0] ?? '');
  const sum = (lines: readonly InvoiceLine[]): number => lines.reduce((all, { nanoUsd }) => all + nanoUsd, 0);
  let [unreadableNanoUsd, unreadableLines, unknownNanoUsd, unknownLedgerNanoUsd] = [0, 0, 0, 0];
  const known = new Set(batches.flatMap(({ submissions }) => [...submissions.keys()]));
  for (const id of bySubmission.keys())
    if (id !== '' && !known.has(id)) wrong.push(`The bill names ${id}, which nobody knows.`);
  const entries = new Map(ledger.map((entry) => [entry.id, entry]));
  for (const id of known) {
    const lines = bySubmission.get(id) ?? [];
    const entry = entries.get(id);
    const billed = sum(lines);
    if (entry === undefined) {
      if (billed > 0) wrong.push(`${id} is billed and not in the ledger.`);
    } else if (entry.outcome === 'unknown') {
      unknownNanoUsd += billed;
      unknownLedgerNanoUsd += entry.costNanoUsd;
    } else if (entry.exact ? entry.costNanoUsd !== billed : entry.costNanoUsd > billed)
      wrong.push(`${id}: billed ${billed}, in the ledger ${entry.costNanoUsd}.`);
    else if (!entry.exact) {
      unreadableNanoUsd += billed - entry.costNanoUsd;
      unreadableLines += lines.length - (entry.items ?? 0);
    }
  }
  judgeSingleCalls(ledger, bySubmission.get('') ?? [], wrong);
  const ledgerNanoUsd = ledger.reduce((all, { costNanoUsd }) => all + costNanoUsd, 0);
  const invoicedNanoUsd = sum(invoice);
  const explained = invoicedNanoUsd - unreadableNanoUsd - unknownNanoUsd + unknownLedgerNanoUsd;
  if (explained !== ledgerNanoUsd)
    wrong.push(`The bill explains ${explained}, the ledger has ${ledgerNanoUsd}.`);
  return {
    invoicedNanoUsd,
    ledgerNanoUsd,
    unreadableNanoUsd,
    unreadableLines,
    unknownNanoUsd,
    unknownLedgerNanoUsd,
  };
}

/** No entry names its line: by provider, they must be as many, and as much. */
function judgeSingleCalls(
  ledger: readonly LedgerEntry[],
  lines: readonly InvoiceLine[],
  wrong: string[],
): void {
  const calls = Map.groupBy(
    ledger.filter(({ mode }) => mode !== 'batch'),
    ({ provider }) => provider,
  );
  const billed = Map.groupBy(lines, ({ instance }) => instance);
  for (const provider of new Set([...calls.keys(), ...billed.keys()])) {
    const entries = calls.get(provider) ?? [];
    const cost = entries.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
    const bill = (billed.get(provider) ?? []).reduce((sum, { nanoUsd }) => sum + nanoUsd, 0);
    if (cost === bill) continue;
    const outcomes = Map.groupBy(entries, ({ outcome, code }) => `${outcome} ${code ?? ''}`.trim());
    const told = [...outcomes].map(([what, all]) => `${all.length} ${what}`).join(', ');
    wrong.push(
      `Single calls of ${provider}: billed ${billed.get(provider)?.length ?? 0} for ${bill}, in the ledger ${told} for ${cost}.`,
    );
  }
}
