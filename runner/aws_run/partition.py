"""AWS's partitions: separate clouds with ARNs, addresses and consoles of their own. Pure, from the region's name alone.

The names, suffixes and prefixes are those of botocore's partitions.json; the consoles' addresses those of each
partition's own sign-in pages (China: "Getting started with AWS services in China"; GovCloud: its user guide).
"""

from __future__ import annotations

from aws_run.frozen import frozen


@frozen
class Partition:
    """`name`: the second field of every ARN. `dns_suffix`: what its endpoints end in. `service_prefix`: what the names
    of its VPC endpoint services begin with. `supported` False: services that a run needs are not there, or are not
    known to be."""

    name: str
    label: str
    dns_suffix: str = "amazonaws.com"
    first_region: str = "us-east-1"  # one that every account has
    console_domain: str = "console.aws.amazon.com"
    service_prefix: str = "com.amazonaws"
    supported: bool = True

    @property
    def ec2_principal(self) -> str:
        """What a role trusts that EC2 hands to instances. The other services that a run needs have one name everywhere
        (China's IAM guide, "Amazon Web Services service principals")."""
        return f"ec2.{self.dns_suffix}" if self.name == "aws-cn" else "ec2.amazonaws.com"

    def console(self, region: str) -> str:
        """The address of a region's console. China's and GovCloud's have one name for all of their regions, which each
        link gives as a parameter."""
        host = f"{region}.{self.console_domain}" if self.name == "aws" else self.console_domain
        return f"https://{host}"


_AWS = Partition(name="aws", label="AWS")
# By the beginning of a region's name; what none of them fits is AWS's main partition.
_OTHERS: tuple[tuple[str, Partition], ...] = (
    (
        "cn-",
        Partition(
            name="aws-cn",
            label="AWS China",
            first_region="cn-north-1",
            dns_suffix="amazonaws.com.cn",
            console_domain="console.amazonaws.cn",
            service_prefix="cn.com.amazonaws",
        ),
    ),
    (
        "us-gov-",
        Partition(
            name="aws-us-gov",
            label="AWS GovCloud",
            console_domain="console.amazonaws-us-gov.com",
            first_region="us-gov-west-1",
        ),
    ),
    ("us-isob-", Partition(name="aws-iso-b", label="AWS ISOB", dns_suffix="sc2s.sgov.gov", supported=False)),
    ("us-isof-", Partition(name="aws-iso-f", label="AWS ISOF", dns_suffix="csp.hci.ic.gov", supported=False)),
    ("us-iso-", Partition(name="aws-iso", label="AWS ISO", dns_suffix="c2s.ic.gov", supported=False)),
    ("eu-isoe-", Partition(name="aws-iso-e", label="AWS ISOE", dns_suffix="cloud.adc-e.uk", supported=False)),
    (
        "eusc-",
        Partition(name="aws-eusc", label="AWS European Sovereign Cloud", dns_suffix="amazonaws.eu", supported=False),
    ),
)


def of_region(region: str) -> Partition:
    return next((partition for begin, partition in _OTHERS if region.startswith(begin)), _AWS)


def arn(service: str, region: str, account: str, resource: str, *, of: str) -> str:
    """An ARN in the partition of the region `of`; `region` and `account` are empty where the service has none."""
    return f"arn:{of_region(of).name}:{service}:{region}:{account}:{resource}"
