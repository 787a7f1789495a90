/**
 * Questions with known answers, and models that find them more or less often: for proofs of what a cascade costs and how often it is right. The
 * stand-ins know the truth from a mark in the prompt; the gateway does not look at it.
 */
import { z } from 'zod';

const labels = ['billing', 'technical', 'sales', 'account', 'shipping', 'refund', 'legal', 'other'];

export const cheapModel = 'gpt-4.1-nano';
export const strongModel = 'claude-sonnet-4-5';

/** The simulator's plan: a cheap model that is right on most, states a confidence that is worth something, and a strong one. */
export const plan = {
  answers: [
    { model: cheapModel, right: 0.9 },
    { model: 'claude-*', right: 0.96 },
  ],
  prices: [
    { model: cheapModel, input: 0.1, output: 0.4 },
    { model: 'claude-*', input: 3, output: 15 },
  ],
} as const;

/** YAML of the routes: `classify` in a cascade at 0.85, `strong` by the strong model alone. */
export const routes = `
  classify:
    chain: [openai/${cheapModel}]
    cascade: { accept: { confidence: 0.85 }, escalate: anthropic/${strongModel}, audit: 0% }
  strong:
    chain: [anthropic/${strongModel}]
`;

export interface Question {
  readonly id: string;
  readonly truth: string;
  /** Without a model, which is the route. */
  readonly body: {
    readonly messages: readonly { readonly role: 'system' | 'user'; readonly content: string }[];
    readonly response_format: object;
    readonly max_tokens: number;
  };
}

const schema = {
  type: 'object',
  properties: { label: { type: 'string', enum: labels }, confidence: { type: 'number' } },
  required: ['label', 'confidence'],
  additionalProperties: false,
};

/** The n-th question; the same on every machine. */
export function question(index: number): Question {
  const truth = labels[(index * 7 + 3) % labels.length] ?? 'other';
  return {
    id: `question-${index}`,
    truth,
    body: {
      messages: [
        {
          role: 'system',
          content: `Sort each message into one of: ${labels.join(', ')}. Say how sure you are, from 0 to 1.`,
        },
        {
          role: 'user',
          content: `Ticket ${index}: the customer writes about an order of last week. [[label:${truth}|${labels.join(',')}]]`,
        },
      ],
      response_format: { type: 'json_schema', json_schema: { name: 'sorted', strict: true, schema } },
      max_tokens: 60,
    },
  };
}

const said = z.object({ label: z.string() });

/** `content`: the text of an answer. */
export function isRight({ truth }: Question, content: string): boolean {
  try {
    return said.parse(JSON.parse(content)).label === truth;
  } catch {
    return false;
  }
}
