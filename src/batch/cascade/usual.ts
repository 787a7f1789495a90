/** What cascades come to where nothing is known of a route yet. */

/** Of first answers, what goes on to the strong model. At a threshold of 0.85 cheap models are seldom sure of more than the rest. */
export const assumedShare = 0.2;
/** A judgement is a number in JSON. */
export const judgementTokens = 16;
