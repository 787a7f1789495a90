/** A label with a confidence that could be read. */
export interface Scored {
  readonly raw: number;
  readonly agreed: boolean;
}
