// Writes what each entry of the package declares to etc/*.api.md, so that a change of the public surface shows in review.
// With --check it writes nothing, and exits with 1 when a report is not what the source declares.
import { basename, join } from 'node:path';
import { clean, extract, root, temporary } from './api-extractor.mjs';

const isCheck = process.argv.includes('--check');

function reportOf(name) {
  const apiReport = {
    enabled: true,
    includeForgottenExports: true,
    reportFileName: `${name}.api.md`,
    reportFolder: join(root, 'etc'),
    reportTempFolder: temporary,
  };
  return { apiReport };
}

function isFresh({ reportFilePath }, { apiReportChanged }) {
  if (!isCheck || !apiReportChanged) return true;
  const name = basename(reportFilePath);
  console.error(`etc/${name} is not what the source declares: npm run api, then look at the difference.`);
  return false;
}

const isSound = extract({ wantedOf: reportOf, invocation: { localBuild: !isCheck }, judge: isFresh });
clean();
process.exitCode = isSound ? 0 : 1;
