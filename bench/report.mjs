export async function writeReport(results, json) { return json; }
