/** The cascade of one lane's answers: judges each as it comes, remembers what audits and escalations teach. */
import type { Answer } from '../../core/answer.ts';
import { present } from '../../core/present.ts';
import { checkCalls } from '../../form/calls.ts';
import { comparedField, sayTheSame } from '../../router/cascade/agreement.ts';
import type { Cascade } from '../../router/cascade/contract.ts';
import { finishOf, isFinished } from '../../router/cascade/words.ts';
import { findRoute } from '../../router/find-route.ts';
import type { Label } from '../../stores/routing/contract.ts';
import type { Batch, Item, Lane } from '../contract.ts';
import type { Segments } from '../segments.ts';
import type { ItemCall } from '../shape/contract.ts';
import type { BatchWorldInside } from '../world.ts';
import { type Course, courseOf, type Said } from './after-answer.ts';
import { offerAudit } from './audit.ts';
import { featuresFor } from './features.ts';
import { judgeBy } from './judge-by.ts';
import { readNeutral } from './neutral.ts';

/** One answer, and what it is the answer to. */
export interface Told extends Said {
  /** Made where it is wanted; keeps nothing of the input. */
  call(): ItemCall;
}

export class Waves {
  readonly #world: BatchWorldInside;
  readonly #batch: Batch;
  readonly #lane: Lane;
  readonly #lanes: readonly Lane[];
  readonly #segments: Segments;
  /** Absent: it has none any more. */
  readonly #cascade: Cascade | undefined;
  #labels: Label[] = [];

  constructor(world: BatchWorldInside, batch: Batch, lane: Lane, lanes: readonly Lane[], segments: Segments) {
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

  get cascade(): Cascade | undefined {
    return this.#cascade;
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

  async take(item: Item, told: Told): Promise<Course> {
    if (!this.looks) return { kind: 'final' };
    const lane = this.#lane;
    const held =
      lane.role === 'answer' ? undefined : await readNeutral(this.#segments, item.result, item.cascade);
    const cascade = this.#cascade;
    const judge = cascade === undefined ? undefined : judgeBy(this.#world, lane.route, cascade);
    const said = { ...told, formOk: told.formOk && this.#hasSoundCalls(told) };
    const course = courseOf({ item, lane, lanes: this.#lanes, held, judge }, said);
    if (lane.role === 'strong') this.#compare(item, held, told);
    if (cascade !== undefined && course.decided !== undefined)
      this.#heard(item, cascade, course, held ?? told.answer, told);
    return course;
  }

  /** Calls of tools are part of the form: of tools that were offered, with arguments of their schemas. */
  #hasSoundCalls({ answer, call }: Told): boolean {
    if (this.#lane.role !== 'answer' || this.#cascade?.schema !== true) return true;
    if (!answer.choices.some(({ blocks }) => blocks.some(({ type }) => type === 'tool-call'))) return true;
    return checkCalls(answer, call().chat?.().tools ?? []) === undefined;
  }

  /** Told to those who count, and to a threshold that is learnt as answers come. */
  #heard(item: Item, cascade: Cascade, { decided, cascade: known }: Course, first: Answer, told: Told): void {
    const { cascades } = this.#world;
    if (decided === undefined) return;
    cascades.thresholds.heard(this.#lane.route, cascade, decided);
    cascades.metrics.answer(this.#lane.route, decided.accepted ? 'accepted' : 'escalated', decided.why ?? '');
    if (!decided.accepted || known === undefined) return;
    const { cheap, cheapNanoUsd, raw } = known;
    const label = { ...this.#labelOf(item, 'audit'), cheap, cheapNanoUsd, ...present({ confidence: raw }) };
    offerAudit(this.#world, this.#batch, this.#strong(), cascade, { first, label, call: () => told.call() });
  }

  #strong(): Lane {
    const strong = this.#lanes.findLast(({ role, model }) => role === 'strong' && model === this.#lane.model);
    return strong ?? this.#lane;
  }

  #labelOf({ seq }: Item, kind: Label['kind']): Pick<Label, 'id' | 'route' | 'atMs' | 'kind'> {
    const atMs = this.#world.clock.now();
    return { id: `${this.#batch.id}:${seq}`, route: this.#lane.route, atMs, kind };
  }

  /** What an escalation teaches: whether it was needed. */
  #compare(item: Item, held: Answer | undefined, { answer, target, costNanoUsd, call }: Told): void {
    const known = item.cascade;
    if (known === undefined) return;
    // Not whole, or not of its form: its confidence is not of an answer.
    const whole = held !== undefined && isFinished(finishOf(held)) ? held : undefined;
    const agreed = whole === undefined ? false : sayTheSame(whole, answer, comparedField(this.#cascade));
    if (agreed === undefined) return;
    this.#labels.push({
      ...this.#labelOf(item, 'escalation'),
      cheap: known.cheap,
      strong: target,
      agreed,
      cheapNanoUsd: known.cheapNanoUsd,
      strongNanoUsd: costNanoUsd,
      ...present({
        confidence: whole === undefined ? undefined : known.raw,
        features: featuresFor(call(), findRoute(this.#world.policy(), this.#lane.model)),
      }),
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
