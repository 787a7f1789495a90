/** Claude, on Anthropic’s API, Vertex and Bedrock. Source: the model pages of its documentation, November 2026. */
import type { Capability } from '../core/capability.ts';
import { alike, type CatalogEntry, type Traits } from './entry.ts';

const sighted: readonly Capability[] = ['vision', 'image-url', 'documents', 'document-url', 'tools'];
const schema: readonly Capability[] = [...sighted, 'structured-output', 'reasoning'];

/** 4.7 and later: temperature and its kin are refused, thinking is adaptive, an assistant turn cannot be prefilled. */
const newest: Traits = {
  has: schema,
  sampling: 'fixed',
  thinking: 'adaptive',
  efforts: ['low', 'medium', 'high', 'xhigh', 'max'],
  midSystem: false,
  prefill: false,
};
const from46: Traits = { ...newest, sampling: 'one-of', efforts: ['low', 'medium', 'high', 'max'] };
const from45: Traits = {
  has: schema,
  sampling: 'one-of',
  thinking: 'budget',
  midSystem: false,
};
/** Structured output is asked of a forced tool here, so it can still be had. */
const from4: Traits = { ...from45, nativeSchema: false };
const from3: Traits = {
  has: [...sighted, 'structured-output'],
  midSystem: false,
  nativeSchema: false,
};

export const anthropicModels: readonly (readonly [string, CatalogEntry])[] = [
  ...alike({ ...newest, midSystem: true }, [
    ['claude-fable-5-2'],
    ['claude-fable-5-1', 1_000_000, 128_000],
    ['claude-fable-5', 1_000_000, 128_000],
    ['claude-mythos-5-2'],
    ['claude-mythos-5-1'],
    ['claude-mythos-5', 1_000_000, 128_000],
    ['claude-opus-5-5', 1_000_000, 128_000],
    ['claude-opus-5', 1_000_000, 128_000],
    ['claude-opus-4-8', 1_000_000, 128_000],
  ]),
  // Mid-conversation system messages were seen to work on Opus 4.8; these are not known to take them.
  ...alike(newest, [
    ['claude-sonnet-5-5', 1_000_000, 128_000],
    ['claude-sonnet-5', 1_000_000, 128_000],
    ['claude-haiku-5-5', 1_000_000, 128_000],
    ['claude-opus-4-7', 1_000_000, 128_000],
    ['claude-mythos-preview'],
  ]),
  ...alike(from46, [
    ['claude-opus-4-6', 1_000_000, 128_000],
    ['claude-sonnet-4-6', 1_000_000, 64_000],
  ]),
  ...alike(from45, [
    ['claude-opus-4-5', 200_000, 64_000],
    ['claude-sonnet-4-5', 200_000, 64_000],
    ['claude-haiku-4-5', 200_000, 64_000],
    ['claude-opus-4-1', 200_000, 32_000],
  ]),
  ...alike(from4, [
    ['claude-opus-4', 200_000, 32_000],
    ['claude-sonnet-4', 200_000, 64_000],
  ]),
  ...alike({ ...from3, has: [...from3.has, 'reasoning'], thinking: 'budget' }, [
    ['claude-3-7-sonnet', 200_000, 64_000],
  ]),
  ...alike(from3, [
    ['claude-3-5-sonnet', 200_000, 8192],
    ['claude-3-5-haiku', 200_000, 8192],
    ['claude-3-opus', 200_000, 4096],
    ['claude-3-sonnet', 200_000, 4096],
    ['claude-3-haiku', 200_000, 4096],
  ]),
];
