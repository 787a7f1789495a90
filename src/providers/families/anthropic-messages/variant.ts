/** How the transports of Claude's Messages differ. Data: Anthropic's own API, Vertex and Bedrock Invoke are three rows. */
export interface AnthropicVariant {
  /** Sent as the body's `anthropic_version` (Vertex, Bedrock); absent: the version is a header. */
  readonly bodyVersion?: string;
  /** False where the URL names the model. */
  readonly modelInBody: boolean;
  /** False where the URL says whether to stream. */
  readonly streamInBody: boolean;
  /** Bedrock takes beta flags as `anthropic_beta` in the body. */
  readonly betas: 'header' | 'body';
  /** Beta flags that the transport accepts; absent: all. An unknown one is a 400 there, so the others are left out. */
  readonly allowedBetas?: readonly string[];
  /** False where images and documents must come inline. */
  readonly urlMedia: boolean;
}
