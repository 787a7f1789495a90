/**
 * Learns how far off the rough estimate of input tokens is, by model, and how long answers are, by route and model, from the usage that
 * providers report. Routing and reservations then ask for the mean, or for a bound.
 *
 * Design. The ratio of actual to estimated tokens is a property of a model's vocabulary and of what its callers write: one exponentially
 * weighted mean and one histogram of the ratio's logarithm a model. Lengths of answers have long tails and several humps (a
 * label here, an essay there), which P² with its five markers follows badly and cannot forget; a histogram in steps of an eighth of a doubling
 * gives every quantile to within a step and forgets by decay. It is an array made once a key, so learning allocates nothing.
 *
 * Invariants. Every answer is a finite number of at least 0, whatever was learned; numbers that cannot be true are not learned.
 * What it does not do: it holds no clock (samples fade by number, not by time) and survives no restart.
 */
import { createHistogram, type Histogram } from './histogram.ts';
import { createKeyed } from './keyed.ts';

export interface UsageSample {
  readonly model: string;
  /** Route and model, such as `chat|gpt-5.4`: what is asked for decides how long answers are. */
  readonly key: string;
  /** Our estimate, uncorrected. */
  readonly rough: number;
  /** All input that the provider counted, cached or not; absent where it did not say. */
  readonly actualInput?: number | undefined;
  readonly actualOutput?: number | undefined;
}

export interface EstimateErrors {
  readonly model: string;
  readonly count: number;
  /** Of the corrected estimate as it was made, before this answer taught us better: mean of |estimate - actual| / actual. */
  readonly meanAbsoluteError: number;
  /** Mean of (estimate - actual) / actual: above 0 we estimate too much. */
  readonly bias: number;
}

export interface Calibration {
  /** The likeliest number of input tokens. */
  estimateInput(model: string, rough: number): number;
  /**
   * A number of input tokens that is hardly ever exceeded, to reserve money by. `bytes` is the size of the whole body: a token is at least one
   * byte of text, and the JSON around a message is longer than the tokens around it. Leave `bytes` out where the body holds media:
   * a link of fifty bytes may be billed as a thousand tokens, and the megabytes of an image in base64 bound nothing. The prompt that some
   * providers add for tools, some 350 tokens, may be missing from the bound of a very short body.
   */
  boundInput(model: string, rough: number, bytes?: number): number;
  expectedOutput(key: string, maxOutput?: number): number;
  percentile95Output(key: string, maxOutput?: number): number;
  /** The mean of what was learned, and nothing where nothing was. */
  learnedOutput(key: string): number | undefined;
  learn(sample: UsageSample): void;
  /** One row a model that has been learned from, for a metric. */
  errors(): readonly EstimateErrors[];
}

/** Keys of each kind. Names come from config and callers; a thousand is more than anyone routes to, and takes 2 MB. */
const mostKeys = 1024;
/** Weight of one sample, once there are many: the last hundred or so count. Faster would follow noise, slower a changed prompt too late. */
const weight = 0.02;
/** Before anything is learned. The estimate takes 4 bytes for a token; English has 3 to 4, code and Chinese 2 to 3, keys and hashes 1.5. */
const unlearnedMultiple = 3;
/** Samples from which a quantile is believed on its own. */
const enoughSamples = 30;
/** Above the learned quantile: half a step of the histogram, and room for drift. Reserving too much is given back, too little is overspent. */
const margin = 1.1;
/** A ratio outside is no property of a vocabulary but a hidden prompt or a broken report; it is learned as the edge. */
const leastRatio = 1 / 64;
const mostRatio = 64;
/** Framing that a body of no text still costs: `rough` may be 0 while the provider counts a dozen tokens. */
const framingTokens = 16;
/** No model takes or gives more; a larger number is a defect somewhere. */
const mostTokens = 1e9;
/** What an answer is taken to be before any has been seen, and how long it may well be where its caller sets no limit. */
const unlearnedOutput = 512;
const unlearnedLongOutput = 4096;

interface ModelState {
  samples: number;
  ratio: number;
  readonly ratios: Histogram;
  absoluteError: number;
  bias: number;
}

interface OutputState {
  samples: number;
  mean: number;
  readonly lengths: Histogram;
}

export function createCalibration(): Calibration {
  const models = createKeyed<ModelState>(mostKeys, () => ({
    samples: 0,
    ratio: 1,
    ratios: createHistogram(leastRatio, mostRatio, weight),
    absoluteError: 0,
    bias: 0,
  }));
  const outputs = createKeyed<OutputState>(mostKeys, () => ({
    samples: 0,
    mean: 0,
    lengths: createHistogram(1, 4_194_304, weight),
  }));

  /** The error is that of the estimate as it would be made now, just before this answer; one or two calls may have answered in between. */
  function learnInput(model: string, rough: number, actual: number): void {
    const state = models.open(model);
    state.samples++;
    const step = Math.max(weight, 1 / state.samples);
    const error = Math.min((state.ratio * rough - actual) / actual, mostRatio);
    state.absoluteError += step * (Math.abs(error) - state.absoluteError);
    state.bias += step * (error - state.bias);
    const ratio = Math.min(Math.max(actual / rough, leastRatio), mostRatio);
    state.ratio += step * (ratio - state.ratio);
    state.ratios.add(ratio);
  }

  function learnOutput(key: string, actual: number): void {
    const state = outputs.open(key);
    state.samples++;
    state.mean += Math.max(weight, 1 / state.samples) * (actual - state.mean);
    state.lengths.add(actual);
  }

  return {
    estimateInput(model, rough) {
      const state = models.find(model);
      return Math.round(sane(rough) * (state?.ratio ?? 1));
    },
    boundInput(model, rough, bytes) {
      const state = models.find(model);
      const learned = state === undefined ? 0 : state.ratios.quantile(0.99) * margin;
      const multiple = blend(state?.samples ?? 0, learned, unlearnedMultiple);
      return Math.ceil(atMost(sane(rough) * multiple + framingTokens, bytes));
    },
    expectedOutput(key, maxOutput) {
      return Math.round(atMost(outputs.find(key)?.mean ?? unlearnedOutput, maxOutput));
    },
    percentile95Output(key, maxOutput) {
      const state = outputs.find(key);
      const learned = state === undefined ? 0 : state.lengths.quantile(0.95);
      const tokens = blend(
        state?.samples ?? 0,
        learned,
        atMost(mostTokens, maxOutput ?? unlearnedLongOutput),
      );
      return Math.ceil(atMost(tokens, maxOutput));
    },
    learnedOutput: (key) => outputs.find(key)?.mean,
    learn({ model, key, rough, actualInput, actualOutput }) {
      // Below one token a ratio says nothing, and a report of no input tokens is none.
      if (isSane(rough) && isSane(actualInput) && rough >= 1 && actualInput >= 1)
        learnInput(model, rough, actualInput);
      if (isSane(actualOutput)) learnOutput(key, actualOutput);
    },
    errors() {
      const rows: EstimateErrors[] = [];
      for (const [model, { samples, absoluteError, bias }] of models.entries())
        if (samples > 0) rows.push({ model, count: samples, meanAbsoluteError: absoluteError, bias });
      return rows;
    },
  };
}

function isSane(tokens: number | undefined): tokens is number {
  return tokens !== undefined && tokens >= 0 && tokens <= mostTokens;
}

/** NaN and less than nothing are nothing. */
function sane(tokens: number): number {
  return tokens > 0 ? Math.min(tokens, mostTokens) : 0;
}

/** Few samples do not show how high a quantile lies, so the cautious guess fades out only as they come in. */
function blend(samples: number, learned: number, cautious: number): number {
  const trust = Math.min(1, samples / enoughSamples);
  return trust * learned + (1 - trust) * Math.max(learned, cautious);
}

function atMost(tokens: number, most: number | undefined): number {
  return most !== undefined && most >= 0 ? Math.min(tokens, most) : tokens;
}
