"""Given names of many countries, without accents: they tell a column of people from one of things.

Names that are also common words or places (Will, Rose, Austin, Florence) are left out.
"""

from __future__ import annotations

GIVEN_NAMES = frozenset(
    """
    aaron abdul abdullah abigail abraham adam adrian agnes agnieszka ahmad ahmed aisha akira alan albert aldo
    alejandra alejandro aleksandr aleksandra alessandra alessandro alex alexander alexandra alexandre alexis
    alfonso alfred ali alice alicia alina alison allan allen amanda amelia amelie amina amir amy ana anais andre
    andrea andreas andrei andres andrew andrzej angel angela angelina anil anita anja anke ann anna annabel anne
    annette annie anthony antje antoine anton antonia antonio anya ariana armando arnaud arne arthur arturo arun
    asha ashley astrid aurelie axel ayesha barbara bartosz bastian beatrice beatriz ben benedikt benjamin benoit
    bernard bernd bert bettina bianca birgit bjorn bob bogdan boris brad bram brandon brenda brett brian bridget
    britta bruce bruno bryan camila camille carina carl carla carlo carlos carmen carol caroline carolyn carsten
    catalina catarina catherine cathy cecilia cedric cesar chantal charles charlie chen chiara chloe chris
    christa christian christiane christina christine christoph christophe christopher claire clara claude
    claudia claus clemence clement colin connor constance corinna corinne craig cristian cristiano cristina
    cynthia daisuke damian damien dan daniel daniela daniele danielle danny dario darren dave david debbie
    deborah deepak denis denise dennis derek diana diane didier diego dieter dimitri dirk dmitri dmitry dominic
    dominik dominique donald donna doris dorothea dorothy douglas duncan dylan edgar edith eduardo edward edwin
    eileen ekaterina elaine eleanor elena eleonora eli elias elif elijah elisa elisabeth elise elizabeth elke
    ella ellen elodie elsa emil emilia emilie emily emine emma emmanuel enrico enrique eric erica erich erik
    erika ernest ernesto erwin esther ethan eugene eva evan evelyn fabian fabien fabio fabrice farah fatima
    fatma federica federico felipe felix ferdinand fernanda fernando filip filippo fiona florian franca
    francesca francesco francis francisco franck francois francoise franz fred frederic frederick frederik
    frieda friedrich fritz gabriel gabriela gabriele gabriella gareth gary gavin genevieve geoffrey george
    georges gerald gerard gerd gerhard gertrude giacomo gianluca gilbert gilles gina giorgio giovanna giovanni
    giulia giuseppe gloria gonzalo gordon greg gregor gregory greta guido guillaume guillermo gunter gustav
    gustavo guy hanna hannah hannes hans harald harold harry harsh hasan hassan heidi heike heiko heinrich heinz
    helen helena helene helga helmut hendrik henri henrik henry herbert hermann hideo hiroshi holger howard
    hubert hugo huseyin ian ibrahim ida ignacio igor ilona ilse ines inga inge ingrid irena irene irina irma
    isaac isabel isabella isabelle ivan ivana ivo jacek jackie jacob jacqueline jacques jaime jakob jakub james
    jamie jan jana jane janet janice janina jannik jaroslav jasmin jasmine jason javier jay jean jeanne jeff
    jeffrey jelena jen jennifer jenny jens jeremy jerome jerry jesper jesse jessica jesus jill jim jimena
    joachim joan joana joanna joao joaquin jochen joe joel joelle johan johann johanna johannes john jon jonas
    jonathan jorg jorge jose josef josefina joseph josephine joshua joyce juan juana juanita judith julia julian
    juliana juliane julie julien juliette julio jurgen justin justyna jutta kai kamal karel karen karin karina
    karl karla karolina karsten kasper katarina katarzyna kate katharina katherine kathleen kathrin kathryn
    kathy katie katja katrin kazuo keith kelly ken kenji kenneth kerstin kevin khalid kim kirsten kjell klara
    klaus konrad konstantin kristen kristian kristin kristina kristof kumar kurt kyle lakshmi lara larry lars
    laszlo laura laure lauren laurence laurent leah leandro lena leo leon leonard leonardo leonie leonor leslie
    leticia li liam lidia lieselotte linda linus lisa liu liz lorena lorenzo lorraine louis louise luc luca
    lucas lucia lucie lucien ludovic ludwig luigi luis luisa luise lukas luke lutz lydia lynn maciej magdalena
    magnus mahmoud maja malcolm malte manfred manuel manuela mara marc marcel marcela marcelo marcin marco
    marcos marcus marek margaret margarita margot maria mariam marian mariana marie marija marina mario marion
    marisa markus marlene marta martha martin martina martine mary maryam masako massimo mateo mateusz mathias
    mathieu mathilde matilda matteo matthew matthias matthieu maureen maurice mauricio max maxime maximilian
    mehdi mehmet mei melanie melissa mia michael michaela michal michel michele michelle miguel mikael mike
    mikhail milena miriam mirjam mohamed mohammad mohammed moritz muhammad murat mustafa nadia nadine nancy
    naomi natalia natalie natasha nathalie nathan nathaniel neil nicholas nick nico nicola nicolas nicole nigel
    nikita niklas nikolai nikolaus nils nina noah noemi nora norbert norman olaf ole oleg olga oliver olivia
    olivier omar ondrej oscar oskar otto pablo pamela paola paolo pascal patrice patricia patrick patrik paul
    paula pauline paulo pavel pedro peggy peter petra philip philipp philippe phoebe pia pierre pieter piotr
    priya rachel rafael raffaele rahul rainer raj rajesh ralf ralph ramon raphael raquel ravi rebecca regina
    regine reinhard renata renate rene ricardo riccardo richard rita robert roberta roberto robin rodrigo roger
    roland rolf roman ronald rosemary roy ruben rudolf rupert russell ruth ryan sabine sabrina salim sally
    salvatore sam samantha samir samira samuel sandra sandrine sandro sanjay santiago sara sarah sascha saskia
    satoshi sean sebastian sebastien serena serge sergei sergey sergio seth shannon sharon shirley sibylle
    siegfried sigrid silke silvia simon simona simone sina sofia sofie solveig sonia sonja sophia sophie soren
    stacy stan stanislav stefan stefanie stefano steffen stella stephan stephane stephanie stephen steve steven
    stuart sunil susan susana susanna susanne suzanne sven svetlana sylvia sylvie takashi takeshi tamara tania
    tanja tatiana ted teresa terry thea theo theodor theresa therese thierry thomas thorsten tiago tim timo
    timothy tina tobias todd tom tomas tomasz tony torsten tracy tristan ulrich ulrike ursula ute uwe valentin
    valentina valeria valerie vanessa vera verena veronica veronika vicente victor vijay viktor viktoria vincent
    vincenzo viola viviane vladimir volker walter waltraud wanda wang wei wendy werner wilhelm william wilma
    wolfgang xavier yan yang yannick yasmin yolanda yuki yuri yusuf yves yvette yvonne zachary zahra zhang zoe
    zofia
    """.split()  # noqa: SIM905
)
