/** `countTokens`: what a conversation costs to send, counted by Google. */
import { GatewayError } from '../../../core/errors.ts';
import { asNumber, asObject } from '../../../core/json.ts';
import type { ModelInfo } from '../../../core/model.ts';
import type { CountEndpoint } from '../../contract.ts';
import { createGeminiCodec, type GeminiCodecOptions } from './codec.ts';

/** What is counted; generation settings weigh nothing. */
const countedFields = ['systemInstruction', 'contents', 'tools'];

export type GeminiCountCodec = Omit<CountEndpoint, 'request' | 'forward'>;

export function createGeminiCountCodec(model: ModelInfo, options: GeminiCodecOptions): GeminiCountCodec {
  const codec = createGeminiCodec(model, options);
  return {
    protocol: codec.protocol,
    model,
    carries: codec.carries,
    encode(request) {
      const { body, dropped } = codec.encode(request);
      return {
        body: Object.fromEntries(Object.entries(body).filter(([field]) => countedFields.includes(field))),
        dropped,
      };
    },
    readAnswer(body) {
      const inputTokens = asNumber(asObject(body)['totalTokens']);
      if (inputTokens === undefined)
        throw new GatewayError('upstream_malformed', 'The provider’s answer holds no token count.');
      return { inputTokens };
    },
    readError: codec.readError,
  };
}
