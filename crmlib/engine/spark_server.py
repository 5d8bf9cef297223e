"""A Spark Connect server on this computer that ends with the process that has started it, however that ended.

Run as ``python -m crmlib.engine.spark_server FOLDER``: reads the settings of Spark as one line of JSON, writes the port
as one line, and serves until its input is closed. What it writes on the way is in a folder of its own below FOLDER, and
goes with it. Who connects needs the token of ``SPARK_CONNECT_AUTHENTICATE_TOKEN``.
"""

import json
import os
import sys
import tempfile


def main(folder: str) -> None:
    """Serve."""
    settings = json.loads(sys.stdin.readline())
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    os.makedirs(folder, mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".spark-", dir=folder, ignore_cleanup_errors=True) as private:
        os.environ["SPARK_LOCAL_DIRS"] = private
        own = {
            "spark.sql.warehouse.dir": os.path.join(private, "warehouse"),
            "spark.driver.defaultJavaOptions": f"-Djava.io.tmpdir={private}",
        }
        context = SparkContext(conf=SparkConf().setAll(list((own | settings).items())))
        SparkSession(context)  # those who connect get sessions made after this one
        service = getattr(context._jvm, "org.apache.spark.sql.connect.service.SparkConnectService$")
        print(getattr(service, "MODULE$").localPort(), flush=True)
        sys.stdin.read()
        context.stop()


if __name__ == "__main__":
    main(sys.argv[1])
