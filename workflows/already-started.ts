/**
 * For `catch` of a child's start: one of that name runs, or has run, and that is what was wanted. By its name: the
 * workflow package does not export the class.
 */
export function unlessStarted(thrown: unknown): undefined {
  if (thrown instanceof Error && thrown.name === 'WorkflowExecutionAlreadyStartedError') return undefined;
  throw thrown;
}
