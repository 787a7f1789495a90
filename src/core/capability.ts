/** What a request may need of a target beyond plain text in, text out. */
export const capabilities = [
  'vision',
  'image-url',
  'documents',
  'document-url',
  'audio',
  'video',
  'tools',
  'structured-output',
  'reasoning',
  'logprobs',
  'choices',
  'embeddings',
] as const;

export type Capability = (typeof capabilities)[number];
