// postfach: `serve` is the server, everything else the administrator's command line.
#include "admin/cli/cli.h"
#include "server/appliance/serve.h"

int main(int argc, char** argv)
{
    if (postfach::admin::commandWord(argc, argv) == "serve")
        return postfach::appliance::runServe(argc, argv);
    return postfach::admin::runCli(argc, argv);
}
