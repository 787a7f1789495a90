/** What measuring knows requests by. */

/** By what a prompt cache would know the beginning of a request again. */
export interface Conversation {
  /** Of its instructions, tools and first words, or of what its caller calls it. */
  readonly id: string;
  /** Of its instructions and tools, which other conversations may share. */
  readonly prefixId: string;
  readonly prefixTokens: number;
}
