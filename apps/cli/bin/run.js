// What #program is, package.json says: the sources in the workspace, what is built of them in a package that people install
const { main, watchFaults } = await import("#program");
watchFaults();
process.exitCode = await main(process.argv.slice(2));
