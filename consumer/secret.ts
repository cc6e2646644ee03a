const inspect = Symbol.for('nodejs.util.inspect.custom');

/** One version of a secret. Printing it shows `[secret]`, JSON throws; a field by its name is the plain value. */
export interface Secret {
  readonly fields: Readonly<Record<string, string>>;
  readonly version: string;
  /** Grows with every promotion and roll-back: the highest one counts, whatever version it names. */
  readonly epoch: number;
}

export function makeSecret(answer: {
  readonly fields: Record<string, string>;
  readonly version: string;
  readonly epoch: number;
}): Secret {
  const fields = unprintable({ ...answer.fields }, '[secret]');
  return unprintable(
    { fields, version: answer.version, epoch: answer.epoch },
    `[secret ${answer.version} of epoch ${String(answer.epoch)}]`,
  );
}

function unprintable<Shape extends object>(shape: Shape, shown: string): Readonly<Shape> {
  const hidden = (value: () => unknown): PropertyDescriptor => ({ value, enumerable: false });
  Object.defineProperties(shape, {
    [inspect]: hidden(() => shown),
    toString: hidden(() => shown),
    toJSON: hidden(() => {
      throw new TypeError('a secret must not be serialised');
    }),
  });
  return Object.freeze(shape);
}
