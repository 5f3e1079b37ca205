/** The one error with which data is refused: it begins with the field at fault and says what was expected. */
export class DatasetError extends Error {
  readonly field: string;

  /** @param problem names the row, the column or the byte, and the fix */
  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.name = 'DatasetError';
    this.field = field;
  }
}
