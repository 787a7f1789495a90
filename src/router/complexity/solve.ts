/** The little linear algebra that training needs. */

/** The lower triangle L of a symmetric positive matrix of n rows, with L Lᵀ in its place. Throws where it is not positive. */
export function cholesky(matrix: Float64Array, n: number): void {
  for (let row = 0; row < n; row++)
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row * n + column] ?? 0;
      for (let k = 0; k < column; k++) sum -= (matrix[row * n + k] ?? 0) * (matrix[column * n + k] ?? 0);
      if (row !== column) matrix[row * n + column] = sum / (matrix[column * n + column] ?? 1);
      else if (sum > 0) matrix[row * n + row] = Math.sqrt(sum);
      else throw new RangeError('The matrix is not positive definite.');
    }
}

/** Solves L x = y in place. */
export function solveLower(lower: Float64Array, n: number, y: Float64Array): void {
  for (let row = 0; row < n; row++) {
    let sum = y[row] ?? 0;
    for (let k = 0; k < row; k++) sum -= (lower[row * n + k] ?? 0) * (y[k] ?? 0);
    y[row] = sum / (lower[row * n + row] ?? 1);
  }
}

/** Solves Lᵀ x = y in place. */
export function solveUpper(lower: Float64Array, n: number, y: Float64Array): void {
  for (let row = n - 1; row >= 0; row--) {
    let sum = y[row] ?? 0;
    for (let k = row + 1; k < n; k++) sum -= (lower[k * n + row] ?? 0) * (y[k] ?? 0);
    y[row] = sum / (lower[row * n + row] ?? 1);
  }
}

const mostSteps = 200;
const closeEnough = 1e-8;

/** Solves A x = b for a symmetric positive A that is given by what it does, by conjugate gradients. */
export function conjugateGradients(
  apply: (vector: Float64Array) => Float64Array,
  b: Float64Array,
): Float64Array {
  const x = new Float64Array(b.length);
  const rest = b.slice();
  const direction = b.slice();
  let size = dot(rest, rest);
  const enough = size * closeEnough;
  for (let step = 0; step < mostSteps && size > enough; step++) {
    const moved = apply(direction);
    const along = size / dot(direction, moved);
    for (let at = 0; at < x.length; at++) {
      x[at] = (x[at] ?? 0) + along * (direction[at] ?? 0);
      rest[at] = (rest[at] ?? 0) - along * (moved[at] ?? 0);
    }
    const next = dot(rest, rest);
    for (let at = 0; at < x.length; at++)
      direction[at] = (rest[at] ?? 0) + (next / size) * (direction[at] ?? 0);
    size = next;
  }
  return x;
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}
