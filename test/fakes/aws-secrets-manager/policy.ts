/**
 * As much of IAM as the policies on our page use: Allow and Deny by action and resource, StringEquals on the label asked for.
 * Pages: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html and
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html, read 2026-11.
 */
import { z } from 'zod';

const oneOrMore = z
  .union([z.string(), z.array(z.string())])
  .transform((one) => (typeof one === 'string' ? [one] : one));

export const policyShape = z.strictObject({
  Version: z.literal('2012-10-17'),
  Statement: z.array(
    z.strictObject({
      Sid: z.string().optional(),
      Effect: z.enum(['Allow', 'Deny']),
      Action: oneOrMore,
      Resource: oneOrMore,
      // Another operator or key is one this fake cannot judge: it must not be taken for a condition that holds.
      Condition: z
        .strictObject({ StringEquals: z.strictObject({ 'secretsmanager:VersionStage': oneOrMore }) })
        .optional(),
    }),
  ),
});

export type Policy = z.output<typeof policyShape>;

export function isAllowed(policy: Policy, action: string, resource: string, stage: string | undefined): boolean {
  const fits = policy.Statement.filter(
    ({ Action, Resource, Condition }) =>
      Action.some((one) => matches(one, action)) &&
      Resource.some((one) => matches(one, resource)) &&
      (Condition === undefined || Condition.StringEquals['secretsmanager:VersionStage'].some((one) => one === stage)),
  );
  return fits.some(({ Effect }) => Effect === 'Allow') && !fits.some(({ Effect }) => Effect === 'Deny');
}

function matches(pattern: string, text: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(text);
}
