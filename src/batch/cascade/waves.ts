/** The cascade of one lane's answers: judges each as it comes, remembers what audits and escalations teach. */
import type { Answer } from '../../core/answer.ts';
import type { StopKind } from '../../core/event.ts';
import { present } from '../../core/present.ts';
import { agreementOf, sayTheSame } from '../../router/cascade/agreement.ts';
import { readConfidence } from '../../router/cascade/confidence.ts';
import type { Cascade, ConfidenceSource } from '../../router/cascade/contract.ts';
import { judgeAnswer } from '../../router/cascade/judge.ts';
import { readJudgement } from '../../router/cascade/opinion.ts';
import { isFinished } from '../../router/cascade/words.ts';
import type { Label } from '../../stores/routing/contract.ts';
import type { Batch, Item, Lane } from '../contract.ts';
import type { Segments } from '../segments.ts';
import type { BatchWorldInside } from '../world.ts';
import { type Course, courseOf, type Said } from './after-answer.ts';
import { readNeutral } from './neutral.ts';

type World = Pick<BatchWorldInside, 'policy' | 'cascades' | 'labels' | 'clock' | 'at'>;

export class Waves {
  readonly #world: World;
  readonly #batch: Batch;
  readonly #lane: Lane;
  readonly #lanes: readonly Lane[];
  readonly #segments: Segments;
  /** Absent: it has none any more. */
  readonly #cascade: Cascade | undefined;
  #labels: Label[] = [];

  constructor(world: World, batch: Batch, lane: Lane, lanes: readonly Lane[], segments: Segments) {
    this.#world = world;
    this.#batch = batch;
    this.#lane = lane;
    this.#lanes = lanes;
    this.#segments = segments;
    this.#cascade = this.looks ? world.policy().find(lane.model)?.cascade : undefined;
  }

  get lanes(): readonly Lane[] {
    return this.#lanes;
  }

  /** Answers of the lane are looked at one by one. */
  get looks(): boolean {
    return this.#lane.role !== 'answer' || this.#lane.next !== undefined;
  }

  /** An answer of the wrong form is an answer all the same: the strong model is asked next. */
  get takesAnyForm(): boolean {
    const { role, next } = this.#lane;
    return role === 'answer' ? next !== undefined && this.#cascade?.schema === true : role !== 'strong';
  }

  async take(item: Item, said: Said): Promise<Course> {
    if (!this.looks) return { kind: 'final' };
    const held =
      this.#lane.role === 'answer' ? undefined : await readNeutral(this.#segments, item.result, item.cascade);
    const cascade = this.#cascade;
    const judge =
      cascade === undefined
        ? undefined
        : (first: Answer, formOk: boolean, opinion: Answer | undefined) => {
            const { threshold, calibration } = this.#world.cascades.termsOf(this.#lane.route, cascade);
            const raw = rawOf(cascade.confidence, first, opinion);
            return judgeAnswer(cascade, threshold, calibration, { raw, formOk, finish: finishOf(first) });
          };
    const course = courseOf({ item, lane: this.#lane, lanes: this.#lanes, held, judge }, said);
    if (this.#lane.role === 'strong' && item.cascade !== undefined) this.#compare(item, held, said, cascade);
    return course;
  }

  /** What an escalation teaches: whether it was needed. */
  #compare(item: Item, held: Answer | undefined, said: Said, cascade: Cascade | undefined): void {
    const known = item.cascade;
    const agreed = held === undefined ? false : sayTheSame(held, said.answer, fieldOf(cascade));
    if (known === undefined || agreed === undefined) return;
    this.#labels.push({
      id: `${this.#batch.id}:${item.seq}`,
      route: this.#lane.route,
      atMs: this.#world.clock.now(),
      kind: 'escalation',
      cheap: known.cheap,
      strong: said.target,
      agreed,
      cheapNanoUsd: known.cheapNanoUsd,
      strongNanoUsd: said.costNanoUsd,
      ...present({ confidence: known.raw }),
    });
  }

  /** Before the items are settled: after a crash the answers are compared again, and a label that is there stays as it is. */
  async writeLabels(): Promise<void> {
    const labels = this.#labels;
    this.#labels = [];
    if (labels.length === 0) return;
    await this.#world.at('cascade: before the labels');
    await this.#world.labels.add(labels);
    await this.#world.at('cascade: after the labels');
  }
}

function rawOf(source: ConfidenceSource, first: Answer, opinion: Answer | undefined): number | undefined {
  switch (source.from) {
    case 'field':
    case 'logprobs':
      return readConfidence(source, first);
    case 'agreement':
      return opinion === undefined ? undefined : agreementOf([first, opinion], source.field);
    case 'judge':
      return opinion === undefined ? undefined : readJudgement(opinion);
  }
}

function fieldOf(cascade: Cascade | undefined): string | undefined {
  return cascade?.confidence.from === 'agreement' ? cascade.confidence.field : undefined;
}

/** Of several answers, how the one ended that did not come to its end. */
function finishOf({ choices }: Answer): StopKind {
  const stops = choices.map(({ stop }) => stop.kind);
  return stops.find((stop) => !isFinished(stop)) ?? stops[0] ?? 'other';
}
