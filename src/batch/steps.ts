/** A submission that this process has claimed: its row as last written, and writes that do nothing once the claim is lost. */
import type { Claim, SubmissionRows } from '../stores/batch/contract.ts';
import type { Submission, SubmissionState } from './contract.ts';

type Patch = Partial<Omit<Submission, 'id' | 'batchNo' | 'state'>>;

export class Held {
  readonly #rows: SubmissionRows;
  readonly claim: Claim;
  #submission: Submission;

  constructor(rows: SubmissionRows, submission: Submission, claim: Claim) {
    this.#rows = rows;
    this.#submission = submission;
    this.claim = claim;
  }

  get submission(): Submission {
    return this.#submission;
  }

  async move(to: SubmissionState, patch: Patch = {}): Promise<boolean> {
    const moved = await this.#rows.move({ submission: this.#submission, claim: this.claim }, to, patch);
    if (moved) this.#submission = { ...this.#submission, ...patch, state: to };
    return moved;
  }

  async patch(patch: Patch): Promise<boolean> {
    const patched = await this.#rows.patch({ submission: this.#submission, claim: this.claim }, patch);
    if (patched) this.#submission = { ...this.#submission, ...patch };
    return patched;
  }
}
